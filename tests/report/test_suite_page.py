"""The page of a suite: what is drawn of which runs, what is left out, and its files."""

import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from fabricated_runs import faces, write_run
from sklearn.metrics import roc_auc_score
from test_report_page import Parsed
from toy_store import FORGERIES

from ltw import cli
from ltw.bench.suites import GCD
from ltw.config import load_config
from ltw.engine.run_folder import find_runs
from ltw.engine.schema import Benchmark
from ltw.report.figures import differences, draw_figures, drawings
from ltw.report.page import write_suite_page
from ltw.report.tables import make_tables
from ltw.results import robustness
from ltw.results.robustness import Condition
from ltw.results.runs import read_runs

BENCHMARK = {
    "name": "toy",
    "sources": FORGERIES[:3],
    "targets": FORGERIES[3:],
    "compression": None,
}


@pytest.fixture
def suite(trained, tmp_path):
    """A suite's folder: ERM and LTW on one benchmark, LTW with two seeds and a sweep of β."""

    def add(method, variant="", seed=0, **changes):
        folder = tmp_path / "suite/runs" / f"toy-{method}-{variant}-seed{seed}"
        shutil.copytree(trained[method], folder)
        record = {"benchmark": BENCHMARK, "method": method, "variant": variant, "seed": seed}
        (folder / "benchmark.json").write_text(json.dumps(record | {"notes": []}))
        config = load_config(folder / "config.toml")
        weighing = config.ltw.model_copy(update=changes)
        changed = config.model_copy(update={"seed": seed, "ltw": weighing})
        (folder / "config.toml").write_text(changed.to_toml())
        return folder

    add("alltrain")
    for seed in (0, 1):
        add("ltw", seed=seed)
    add("ltw", "beta=0", beta=0.0)
    return tmp_path / "suite"


def test_every_figure_there_is_data_for(suite, tmp_path):
    files, left_out = write_suite_page(suite, tmp_path / "figures")
    names = [path.stem.removeprefix("toy-") for path in files[1:] if path.suffix == ".png"]
    assert names == [
        "ltw-against-the-others-ltw-on-toy-bands",
        "auc-of-every-method",
        "roc-on-bands",
        "det-on-bands",
        "training-loss",
        "auc-on-source-validation-faces",
        "weights-learned-by-ltw",
        "gallery-of-ltw",
        "sweep-of-beta-on-bands",
    ]
    assert left_out == {
        "robustness, toy on bands": "not measured; do it: ltw bench robustness",
    }
    for path in files:
        assert path.read_bytes().startswith(
            {".png": b"\x89PNG", ".pdf": b"%PDF", ".html": b"<!DOC"}[path.suffix]
        )
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {path.name for path in files}


def test_the_page_is_whole_and_needs_nothing_else(suite, tmp_path):
    (page, *_), _ = write_suite_page(suite, tmp_path / "figures")
    text = page.read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert parsed.stack == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= set(parsed.ids)
    assert not re.search(r"url\((?!#)|@import|<script|<link", text)
    assert all(a.get("aria-label") for tag, a in parsed.attributes if tag == "svg")
    assert all(a.get("alt") for tag, a in parsed.attributes if tag == "img")
    drawn = text.split("</style>", 1)[1]
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", drawn)) <= {"#ffffff"}
    assert "robustness, toy on bands" in drawn
    assert "not measured; do it: ltw bench robustness" in drawn
    again = write_suite_page(suite, tmp_path / "again")[0]
    assert [path.read_bytes() for path in again] == [
        (page.parent / path.name).read_bytes() for path in again
    ]


def draw(suite):
    """Every figure by title, and the reasons for what is left out, without writing files."""
    drawn, left_out = draw_figures(read_runs(suite))
    return {figure.title: figure for figure in drawn}, left_out


def test_curves_are_of_the_target_and_of_all_seeds(suite):
    roc = draw(suite)[0]["ROC on bands"]
    labels = [text.get_text() for text in roc.figure.axes[0].get_legend().texts]
    for method, name in (("alltrain", "ERM"), ("ltw", "LTW")):
        faces = pd.read_parquet(suite / f"runs/toy-{method}--seed0/predictions.parquet")
        faces = faces[faces["domain"].isin(["real", "bands"])]
        assert f"{name} {roc_auc_score(faces['label'], faces['p_fake']):.3f}" in labels
    assert "1 to 2 seeds" in roc.caption
    assert "never seen in training" in roc.caption
    assert "24 single frames of 8 videos" in roc.caption


def test_a_sweep_holds_the_runs_with_the_methods_own_value_too(suite):
    axes = draw(suite)[0]["Sweep of beta on bands"].figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1"]
    dots = [line.get_ydata().size for line in axes.lines if line.get_marker() == "o"]
    assert dots == [1, 2]


def test_differences_are_those_of_the_tables(suite):
    axes = differences.figures(read_runs(suite))[0].figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ERM"]
    (wanted,) = [
        c.difference for c in make_tables(read_runs(suite)).comparisons if not c.row.variant
    ]
    shown = {tuple(line.get_xdata()) for line in axes.lines}
    assert shown == {(0, 0), (), (wanted.low, wanted.high), (wanted.value,)}


def test_differences_on_several_targets_of_one_benchmark_have_a_figure_each(tmp_path):
    targets = GCD.targets[2:4]
    two = Benchmark("two", GCD.sources, targets)
    for method, scores in (("ltw", {"fakes": (0.8, 0.9)}), ("alltrain", {}), ("sam", {})):
        write_run(tmp_path, two, method, faces(targets, **scores))
    drawn = differences.figures(read_runs(tmp_path))
    assert [figure.title for figure in drawn] == [f"LTW on two, {target}" for target in targets]
    assert len({figure.name for figure in drawn}) == 2
    for figure in drawn:
        labels = figure.figure.axes[0].get_yticklabels()
        assert [tick.get_text() for tick in labels] == ["ERM", "SAM"]


def test_differences_need_another_method(suite):
    shutil.rmtree(suite / "runs/toy-alltrain--seed0")
    left_out = write_suite_page(suite, suite / "figures")[1]
    assert "no run of LTW beside" in left_out["LTW against the others"]


def test_robustness_is_drawn_once_every_run_of_a_method_has_it(
    suite, store_path, monkeypatch, capsys
):
    monkeypatch.setattr(robustness, "CONDITIONS", (Condition("blur", 1), Condition("blur", 2)))
    ltw = suite / "runs/toy-ltw--seed1"
    for run in find_runs(suite):
        if run.path != ltw:
            robustness.measure_robustness(run, [robustness.Store(store_path)])
    figure = draw(suite)[0]["Robustness on bands"]
    assert "not drawn: LTW" in figure.caption
    names = {line.get_label() for line in figure.figure.axes[0].lines}
    assert "ERM" in names
    assert "LTW" not in names
    clean = json.loads((suite / "runs/toy-alltrain--seed0/metrics.json").read_text())
    curve = next(line for line in figure.figure.axes[1].lines if line.get_label() == "ERM")
    assert curve.get_xdata().tolist() == [0, 1, 2]
    assert curve.get_ydata()[0] == clean["domains"]["bands"]["frame"]["auc"]["value"]


@pytest.mark.parametrize(
    ("damage", "figure", "reason"),
    [
        ("predictions.parquet", "ROC and DET, toy on bands", "not tested yet"),
        ("metrics.jsonl", "learned weights, toy by LTW", "metrics.jsonl: missing"),
        ("weights.parquet", "gallery, toy by LTW", "weights.parquet: missing"),
    ],
)
def test_what_lacks_its_data_is_left_out_and_said(suite, damage, figure, reason):
    (suite / "runs/toy-ltw--seed0" / damage).unlink()
    assert reason in draw(suite)[1][figure]


def test_a_gallery_of_another_store_is_left_out(suite):
    path = suite / "runs/toy-ltw--seed0/weights.parquet"
    weights = pd.read_parquet(path)
    weights.assign(domain=np.roll(weights["domain"], 1)).to_parquet(path)
    assert "no longer the store" in draw(suite)[1]["gallery, toy by LTW"]


def test_settings_are_never_averaged_as_if_they_were_seeds(suite):
    path = suite / "runs/toy-ltw--seed1/config.toml"
    config = load_config(path)
    training = config.training.model_copy(update={"epochs": 7})
    path.write_text(config.model_copy(update={"training": training}).to_toml())
    rows = {run.folder.name: str(run.row) for run in read_runs(suite)}
    assert rows["toy-ltw--seed1"] == "LTW (training.epochs=7)"
    assert rows["toy-alltrain--seed0"] == "ERM"
    curves = [
        figure
        for name, make in drawings(read_runs(suite))
        if name.startswith("ROC")
        for figure in make()
        if figure.title == "ROC on bands"
    ]
    assert [figure.section for figure in curves] == [
        "toy training.epochs=2",
        "toy training.epochs=7",
    ]
    for figure in curves:  # ERM, of which there is one setting, stands beside both
        legend = figure.figure.axes[0].get_legend().texts
        assert sorted(text.get_text().split()[0] for text in legend) == ["ERM", "LTW"]
        assert "One seed" in figure.caption


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["ltw", "bench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_commands(suite, store_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(robustness, "CONDITIONS", (Condition("blur", 1),))
    (suite / "runs/toy-ltw--seed1/predictions.parquet").unlink()
    code = call(monkeypatch, "robustness", suite, "--store", store_path, "--methods", "ltw")
    out, err = capsys.readouterr()
    assert code == 1
    assert len(out.splitlines()) == 2
    assert "toy-ltw--seed1: not tested yet" in err.replace("\n", "")
    assert call(monkeypatch, "figures", suite, "--out", tmp_path / "figures") == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{tmp_path / 'figures/index.html'}: ")
    assert "left out" in err
    assert call(monkeypatch, "figures", tmp_path, "--out", tmp_path / "figures") == 2
    assert "no finished run in" in capsys.readouterr().err
