"""Evaluating a run folder: which faces are scored, and that the numbers are theirs."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as sk
from toy_store import FORGERIES, FRAMES, PEOPLE, toy_store

from ltw.data.store import Store
from ltw.engine import evaluate_run as engine
from ltw.engine.evaluate_run import evaluate_run
from ltw.engine.run_folder import RunFolder
from ltw.engine.settings import settings_hash
from ltw.errors import ConfigError, DataError
from ltw.models.detector import DetectorNetwork


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished run, to be evaluated again."""
    return shutil.copytree(trained["ltw"], tmp_path / "run")


def predictions(run):
    return pd.read_parquet(run / "predictions.parquet")


def test_scores_are_the_released_detectors_on_test_faces(trained, store_path):
    table = predictions(trained["ltw"])
    store = Store(store_path)
    faces = store.records.loc[table["index"]]
    assert set(faces["split"]) == {"test"}
    assert len(table) == table["index"].nunique() == 5 * PEOPLE["test"] * FRAMES
    detector = DetectorNetwork.load(trained["ltw"] / "detector")
    images = torch.from_numpy(store.images(table["index"])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        logits, _ = detector(images)
    np.testing.assert_allclose(table["p_fake"], logits.sigmoid(), atol=1e-5)


@pytest.mark.parametrize("method", ["alltrain", "ltw"])
def test_metrics_are_scikit_learns_on_the_predictions(trained, method):
    table = predictions(trained[method])
    measured = json.loads((trained[method] / "metrics.json").read_text())["domains"]
    assert measured.keys() == set(FORGERIES)
    for domain, values in measured.items():
        faces = table[table["domain"].isin(["real", domain])]
        videos = faces.groupby("video").agg(label=("label", "first"), p_fake=("p_fake", "mean"))
        for level, scored in (("frame", faces), ("video", videos)):
            y, p = scored["label"], scored["p_fake"]
            expected = {
                "acc": sk.accuracy_score(y, p >= 0.5),
                "log_loss": sk.log_loss(y, p),
                "auc": sk.roc_auc_score(y, p),
            }
            found = {name: values[level][name]["value"] for name in expected}
            assert found == pytest.approx(expected, abs=1e-9)


def test_domains_restrict_and_bring_their_reals(run, store_path):
    for name in ("predictions.parquet", "metrics.json"):
        (run / name).unlink()
    evaluate_run(run, [store_path], [FORGERIES[3], FORGERIES[0]])
    assert set(predictions(run)["domain"]) == {"real", FORGERIES[3], FORGERIES[0]}
    measured = json.loads((run / "metrics.json").read_text())
    assert measured["domains"].keys() == {FORGERIES[3], FORGERIES[0]}


def test_testing_one_domain_more_keeps_the_others(run, store_path):
    everything = json.loads((run / "metrics.json").read_text())
    before = predictions(run)
    evaluate_run(run, [store_path], [FORGERIES[0]])
    assert json.loads((run / "metrics.json").read_text()) == everything
    keys = ["video", "frame"]
    pd.testing.assert_frame_equal(
        predictions(run).sort_values(keys, ignore_index=True),
        before.sort_values(keys, ignore_index=True),
    )


def test_stores_are_tested_together_and_rows_say_of_which_they_are(run, store_path, tmp_path):
    other = toy_store(tmp_path / "other", dataset="other")
    evaluate_run(run, [store_path, other], [FORGERIES[3]])
    measured = json.loads((run / "metrics.json").read_text())["domains"]
    twice = {f"toy/{FORGERIES[3]}/c23", f"other/{FORGERIES[3]}/c23"}
    assert measured.keys() == {*FORGERIES[:3], *twice}
    for path, dataset in ((store_path, "toy"), (other, "other")):
        rows = predictions(run).query("store == @path.as_posix()")
        faces = Store(path).records.loc[rows["index"]]
        assert faces["video"].tolist() == rows["video"].tolist()
        assert set(rows["dataset"]) == {dataset}
    with pytest.raises(DataError, match=r"toy/\w+/c23/test\d.* more videos are in two stores"):
        evaluate_run(run, [store_path, store_path])


def test_an_unknown_domain_names_the_nearest_and_changes_nothing(run, store_path):
    before = (run / "metrics.json").read_bytes()
    with pytest.raises(DataError, match=r"'bandz' is not in .*store; did you mean 'bands'\?"):
        evaluate_run(run, [store_path], ["bandz"])
    assert (run / "metrics.json").read_bytes() == before


def test_a_test_that_is_cut_off_changes_nothing(run, store_path, monkeypatch):
    def cut_off(*args, **kwargs):
        raise KeyboardInterrupt

    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    monkeypatch.setattr(engine, "measure", cut_off)
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run, [store_path], [FORGERIES[0]])
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_metrics_never_outlive_their_predictions(run, store_path, monkeypatch):
    def cut_off(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "write_text", cut_off)
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run, [store_path], [FORGERIES[0]])
    assert not (run / "metrics.json").exists()


def test_only_the_compression_that_was_trained_on(run, store_path, monkeypatch):
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text('compression = "c40"\n' + text)
    with pytest.raises(DataError, match="'c40' is not in the store"):
        evaluate_run(run, [store_path])

    class TwoLevels(Store):
        def __init__(self, path):
            super().__init__(path)
            crf = np.where(self.records["frame"] == 0, "c40", "c23")
            self.records = self.records.assign(compression=crf)

    monkeypatch.setattr(engine, "Store", TwoLevels)
    (run / "predictions.parquet").unlink()  # they say c23
    evaluate_run(run, [store_path])
    assert set(predictions(run)["compression"]) == {"c40"}


def test_no_run_an_unfinished_run_and_a_damaged_one(run, store_path, tmp_path):
    with pytest.raises(DataError, match=r"no run here \(config.toml is missing\)"):
        evaluate_run(tmp_path, [store_path])
    (run / "detector/detector.json").unlink()
    with pytest.raises(DataError, match="no detector here"):
        evaluate_run(run, [store_path])
    (run / "config.toml").write_text("method = ")
    with pytest.raises(ConfigError, match=r"config.toml: not valid TOML"):
        evaluate_run(run, [store_path])


def test_require_config_names_every_other_key_and_lets_the_store_move(
    trained, make_config, tmp_path
):
    same = make_config("ltw").model_copy(update={"store": tmp_path})
    RunFolder(trained["ltw"]).require_config(same)
    other = make_config("ltw", target="checks-2", epochs=9)
    with pytest.raises(ConfigError) as raised:
        RunFolder(trained["ltw"]).require_config(other)
    assert "other values of target, training.epochs;" in str(raised.value)
    assert RunFolder(trained["ltw"]).config.training.epochs == 2


def test_the_hash_is_of_the_settings_not_of_the_circumstances(make_config, tmp_path):
    config = make_config("ltw")
    same = make_config("ltw", workers=2, threads=3).model_copy(update={"store": tmp_path})
    assert settings_hash(same) == settings_hash(config)
    others = [
        make_config("alltrain"),
        make_config("ltw", seed=1),
        make_config("ltw", learning_rate=2e-3),
        make_config("ltw", target="checks-2"),
    ]
    assert len({settings_hash(other) for other in (config, *others)}) == 5
