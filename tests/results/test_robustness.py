"""Robustness: a detector known to break breaks where it must, and work that was done is kept."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from toy_store import FORGERIES, toy_store

from ltw.data.store import Store
from ltw.engine.evaluate import measure
from ltw.engine.run_folder import RunFolder, find_runs
from ltw.engine.schema import Benchmark, SuiteRecord
from ltw.errors import DataError
from ltw.results import robustness
from ltw.results.corruptions import CORRUPTIONS
from ltw.results.robustness import (
    CONDITIONS,
    Condition,
    Corrupted,
    measure_robustness,
    read_robustness,
)

FEW = (Condition("blur", 5), Condition("contrast", 5), Condition("noise", 1))


def rows_alternate(images):
    """P(fake) by how much rows alternate, relative to the contrast: what `stripes` leaves.

    Where they hardly do, it sees no difference at all.
    """
    grey = images.mean(dim=1)
    alternation = (grey[:, ::2] - grey[:, 1::2]).mean(dim=(1, 2)).abs()
    plain = (alternation / grey.std(dim=(1, 2)) - 1.5).relu()
    return 1 - torch.exp(-plain)


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    """A tested run whose detector is `rows_alternate`, its benchmark's target `stripes`."""
    calls = []

    def load_predictor(folder):
        calls.append(folder)
        return rows_alternate, 32

    monkeypatch.setattr(robustness, "load_predictor", load_predictor)
    monkeypatch.setattr(robustness, "CONDITIONS", FEW)
    folder = RunFolder(shutil.copytree(trained["alltrain"], tmp_path / "run"))
    benchmark = Benchmark("toy", tuple(FORGERIES[1:]), tuple(FORGERIES[:1]))
    folder.write_record(SuiteRecord(benchmark=benchmark, method="alltrain", seed=0))
    measure_robustness.calls = calls
    return folder


def frame_auc(run):
    table = read_robustness(run)
    return table[(table["level"] == "frame") & (table["metric"] == "auc")].set_index("corruption")


def test_five_corruptions_at_five_strengths():
    assert len(CONDITIONS) == 25
    assert {c.corruption for c in CONDITIONS} == {"jpeg", "blur", "noise", "downscale", "contrast"}


def test_a_detector_of_stripes_breaks_under_blur_alone(run, store_path):
    measure_robustness(run, [Store(store_path)])
    auc = frame_auc(run)
    assert set(auc["domain"]) == {"stripes"}  # of its benchmark, not all it was tested on
    assert auc.loc["contrast", "value"] == 1
    assert auc.loc["noise", "value"] == 1
    assert auc.loc["blur", "value"] == 0.5
    assert (auc["low"] <= auc["value"]).all()
    assert (auc["value"] <= auc["high"]).all()


def test_the_table_is_what_the_predictions_measure(run, store_path):
    measure_robustness(run, [Store(store_path)])
    want = measure(run.path / "robustness/blur-5.parquet")["domains"]["stripes"]
    table = read_robustness(run).query("corruption == 'blur'")
    assert set(table["frames"]) == {want["frames"]}
    for row in table.itertuples():
        cell = want[row.level][row.metric]
        assert (row.value, row.low, row.high) == pytest.approx(tuple(cell.values()))
    scored = pd.read_parquet(run.path / "robustness/blur-5.parquet")
    clean = pd.read_parquet(run.predictions_path)
    clean = clean[clean["domain"].isin(["real", "stripes"])]
    assert sorted(scored["index"]) == sorted(clean["index"])


def test_a_second_call_does_only_what_is_missing(run, store_path):
    stores = [Store(store_path)]
    measure_robustness(run, stores)
    first = (run.path / "robustness.csv").read_bytes()
    kept = {path: path.stat().st_mtime_ns for path in (run.path / "robustness").iterdir()}
    measure_robustness(run, stores)
    assert measure_robustness.calls == [run]  # nothing was scored, so no detector was loaded
    gone = run.path / "robustness/contrast-5.parquet"
    gone.unlink()
    measure_robustness(run, stores)
    again = {path: path.stat().st_mtime_ns for path in (run.path / "robustness").iterdir()}
    assert {path for path in kept if kept[path] != again[path]} == {gone}
    assert (run.path / "robustness.csv").read_bytes() == first


def test_predictions_of_other_faces_are_scored_anew(run, store_path):
    measure_robustness(run, [Store(store_path)])
    path = run.path / "robustness/blur-5.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path)
    (run.path / "robustness.csv").write_text("of those predictions")
    measure_robustness(run, [Store(store_path)])
    assert len(pd.read_parquet(path)) == 2 * 4 * 3
    assert set(frame_auc(run).index) == {"blur", "contrast", "noise"}


def test_every_asker_sees_the_same_pictures(store_path):
    store = Store(store_path)
    noisy = Corrupted(store, Condition("noise", 3))
    rows = [5, 4, 9]  # the first two of one video
    images = noisy.images(rows)
    again = Corrupted(Store(store_path), Condition("noise", 3))
    assert all(np.array_equal(again.images([row])[0], images[k]) for k, row in enumerate(rows))
    noise = images.astype(int) - store.images(rows)
    assert not np.array_equal(noise[0], noise[1])  # each face has its own
    other = Corrupted(store, Condition("noise", 4)).images(rows).astype(int) - store.images(rows)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.1
    assert noise.std() == pytest.approx(CORRUPTIONS["noise"].levels[2], rel=0.1)


def test_the_crop_is_corrupted_before_it_is_resized(run, store_path, monkeypatch):
    seen = []

    def apply(image, level, rng):
        seen.append(image.shape)
        return image

    blur = CORRUPTIONS["blur"]
    monkeypatch.setitem(CORRUPTIONS, "blur", type(blur)(blur.unit, blur.levels, apply))
    monkeypatch.setattr(robustness, "CONDITIONS", FEW[:1])
    monkeypatch.setattr(robustness, "load_predictor", lambda _: (rows_alternate, 16))
    measure_robustness(run, [Store(store_path)])
    assert set(seen) == {(32, 32, 3)}


def test_stores_without_or_with_twice_the_tested_faces_are_refused(run, store_path, tmp_path):
    other = toy_store(tmp_path / "other", dataset="other", people={"test": 2})
    with pytest.raises(DataError, match=r"24 faces were tested, 0 such are in .*other"):
        measure_robustness(run, [Store(other)])
    with pytest.raises(DataError, match="48 such are in"):
        measure_robustness(run, [Store(store_path), Store(store_path)])
    assert not (run.path / "robustness").exists()


def test_a_run_that_was_not_tested_and_a_damaged_table_are_said(run, store_path):
    (run.path / "robustness.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"robustness\.csv: damaged"):
        read_robustness(run)
    (run.predictions_path).unlink()
    with pytest.raises(DataError, match="not tested yet"):
        measure_robustness(run, [Store(store_path)])


def test_runs_are_found_by_method(trained, tmp_path):
    for method, folder in trained.items():
        shutil.copytree(folder, tmp_path / "runs" / f"toy-{method}")
    assert [path.name for path in find_runs(tmp_path)] == ["toy-alltrain", "toy-ltw"]
    assert [path.name for path in find_runs(tmp_path, ["ltw"])] == ["toy-ltw"]
    assert find_runs(trained["ltw"]) == [RunFolder(trained["ltw"])]
    with pytest.raises(DataError, match="no run of 'altrain'; did you mean 'alltrain'"):
        find_runs(tmp_path, ["altrain"])
    with pytest.raises(DataError, match="no run here"):
        find_runs(tmp_path / "empty")
