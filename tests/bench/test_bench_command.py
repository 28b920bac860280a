"""`ltw bench run`: what is refused, listed and written."""

import json
import sys

import pytest
from metrics_table import finished
from toy_store import FORGERIES, toy_store
from toy_suites import TINY

from ltw import cli
from ltw.bench import runner
from ltw.engine.run_folder import RunFolder
from ltw.engine.train import data_loading_share


@pytest.fixture
def bench(monkeypatch, capsys, store_path, tmp_path):
    """``bench("leave-one-out", ...)``: (exit code, standard output, standard error)."""

    def in_process(work, items, *, workers):
        for position, item in enumerate(items):
            yield position, work(item)

    monkeypatch.setattr(runner, "map_unordered", in_process)

    def call(suite, *arguments, store=store_path):
        keys = [x for k, v in TINY.items() for x in ("--set", f"{k}={json.dumps(v)}")]
        places = ["--store", str(store), "--out", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", ["ltw", "bench", "run", suite, *places, *keys, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.mark.parametrize(
    ("suite", "arguments", "message"),
    [
        ("gid-dv23", [], "did you mean 'gid-"),
        ("leave-one-out", ["--methods", "altrain"], "did you mean 'alltrain'?"),
        ("leave-one-out", ["--set", "trainig.epochs=1"], "did you mean 'training'?"),
        ("leave-one-out", ["--shard", "3/2"], "3/2"),
        ("gid-df23", [], "GID-DF23: no store to train on, with Face2Face, FaceSwap"),
        ("gid-df23", ["--synthetic"], "synthetic-GID-DF23: no store to train on"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(
    bench, tmp_path, suite, arguments, message
):
    code, out, err = bench(suite, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_runs_are_listed_with_what_is_done_and_trained_by_shard(bench, tmp_path):
    few = ("--methods", "alltrain")
    code, out, _ = bench("leave-one-out", *few, "--dry-run")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["to"] * 4
    assert not (tmp_path / "out").exists()
    code, out, err = bench("leave-one-out", *few, "--shard", "2/2")
    assert (code, out) == (0, f"{tmp_path / 'out/results.json'}\n")
    shares = [data_loading_share(RunFolder(path)) for path in (tmp_path / "out/runs").iterdir()]
    said = f"{sum(shares) / 2:.0%} of a run's time in the median, {max(shares):.0%} at most"
    assert f"data loading: {said}" in err
    assert len(finished(tmp_path / "out")) == 2
    _, out, _ = bench("leave-one-out", *few, "--dry-run")
    assert [line.split()[0] for line in out.splitlines()] == ["to", "done", "to", "done"]
    results = json.loads((tmp_path / "out/results.json").read_text())["runs"]
    assert [run["method"] for run in results] == ["alltrain", "alltrain"]


def test_failures_are_listed_and_the_exit_code_is_1(bench, tmp_path):
    explode = ("--set", "training.learning_rate=1e30", "--set", "training.steps_per_epoch=4")
    code, _, err = bench("leave-one-out", "--methods", "alltrain", *explode, "--shard", "1/4")
    assert code == 1
    assert "runs that failed, of 1: 1" in err
    assert "lower the learning rate" in err


def test_the_forgeries_of_a_folder_of_ones_own_are_rotated(bench, tmp_path):
    mine = toy_store(tmp_path / "mine", dataset="mine")
    _, out, _ = bench("leave-one-out", "--methods", "ltw", "--dry-run", store=mine)
    names = [line.rpartition("/")[2] for line in out.splitlines()]
    starts = [f"unseen-{forgery}-ltw-seed0-" for forgery in sorted(FORGERIES)]
    assert all(map(str.startswith, names, starts))
