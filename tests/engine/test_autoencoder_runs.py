"""ForensicTransfer and Multi-task from a config to the metrics of their release."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from toy_store import FORGERIES, MASK, toy_store

from ltw import metrics
from ltw.data.selection import source_faces
from ltw.data.store import Store
from ltw.engine import train as engine
from ltw.engine.build import build_method
from ltw.engine.evaluate_run import evaluate_run
from ltw.engine.notes import run_notes
from ltw.engine.train import train
from ltw.methods import MultiTask
from ltw.models.detector import DetectorNetwork

BASELINES = ("forensic_transfer", "multi_task")
LONG = {"epochs": 3, "steps_per_epoch": 20, "batch_size": 12, "learning_rate": 0.003}


@pytest.fixture(scope="session")
def masked_store(tmp_path_factory):
    """The toy store with masks for two of its forgeries."""
    return toy_store(tmp_path_factory.mktemp("masked") / "store", masked=FORGERIES[:2])


def log_of(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def notes_of(run) -> list[str]:
    return [line["note"] for line in log_of(run) if line["kind"] == "note"]


def on(store, config):
    return config.model_copy(update={"store": store})


@pytest.mark.parametrize("method", BASELINES)
def test_from_config_to_metrics(make_config, masked_store, tmp_path, method):
    config = on(masked_store, make_config(method, **LONG))
    train(config, tmp_path / "run")
    steps = [line for line in log_of(tmp_path / "run") if line["kind"] == "step"]
    assert ("segmentation_loss" in steps[0]) == (method == "multi_task")
    assert steps[-1]["activation_loss"] < 0.5 * steps[0]["activation_loss"]
    epochs = [line for line in log_of(tmp_path / "run") if line["kind"] == "epoch"]
    assert max(line["validation"]["auc"] for line in epochs) > 0.9

    evaluate_run(tmp_path / "run", [masked_store])
    measured = json.loads((tmp_path / "run/metrics.json").read_text())["domains"]
    assert set(measured) == set(FORGERIES)
    for domain in FORGERIES:
        for at in ("frame", "video"):
            values = measured[domain][at]
            assert set(values) == set(metrics.ALL_METRICS)
            assert all(np.isfinite(value["value"]) for value in values.values())
    sources = [measured[domain]["frame"]["auc"]["value"] for domain in config.sources]
    assert min(sources) > 0.9  # people who were not in training

    release = DetectorNetwork.load(tmp_path / "run/detector")
    assert release.config["backbone"] == method
    assert not any("decoder" in name or "segment" in name for name in release.state_dict())


@pytest.mark.parametrize("method", BASELINES)
def test_a_network_of_its_own_is_noted_once(make_config, tmp_path, capsys, method):
    config = make_config(method, epochs=1)
    train(config, tmp_path / "run")
    assert capsys.readouterr().err.count("trains a network of its own") == 1
    (note, *_) = notes_of(tmp_path / "run")
    assert note.startswith(f"{method} trains a network of its own: detector.backbone = 'test_eff")
    train(config.model_copy(), tmp_path / "run", resume=True)
    assert "network of its own" not in capsys.readouterr().err
    assert notes_of(tmp_path / "run").count(note) == 1


def test_other_methods_have_nothing_to_note(make_config, masked_store, trained):
    assert notes_of(trained["alltrain"]) == notes_of(trained["ltw"]) == []


def notes(store, config) -> list[str]:
    records = Store(store).records
    faces = source_faces(records, list(config.sources), None, "train")
    fakes = records.loc[faces].query("label == 1")
    method = build_method(config)
    return [n for n in run_notes(config, method, fakes) if "mask" in n]


@pytest.mark.parametrize("known", [0, 1, 2])
def test_missing_masks_are_noted_with_their_number(make_config, masked_store, known):
    sources = FORGERIES[:2]
    if known == 0:
        sources = FORGERIES[2:]
        expected = ["multi_task: none of the 36 training fakes has a manipulation mask; the seg"]
    elif known == 1:
        sources = FORGERIES[1:3]
        expected = ["multi_task: 18 of the 36 training fakes have no manipulation mask; the seg"]
    else:
        expected = []
    found = notes(masked_store, make_config("multi_task", sources=sources, target=None))
    assert [a[: len(b)] for a, b in zip(found, expected, strict=True)] == expected


@pytest.fixture
def batches(monkeypatch):
    """The batches that Multi-task is given."""
    seen = []
    backward = MultiTask.backward

    def recording(self, batch):
        seen.append(batch)
        return backward(self, batch)

    monkeypatch.setattr(MultiTask, "backward", recording)
    return seen


def test_masks_reach_the_method_as_the_store_has_them(make_config, masked_store, tmp_path, batches):
    config = on(masked_store, make_config("multi_task", epochs=1))
    train(config, tmp_path / "run")
    square = torch.from_numpy(MASK == 255).float()
    nothing = torch.zeros_like(square)
    for batch in batches:
        for domain, mask, known in zip(batch.domains, batch.masks, batch.has_mask, strict=True):
            assert known == (domain in ("real", *FORGERIES[:2]))
            assert mask.equal(square if domain in FORGERIES[:2] else nothing)


def test_without_any_mask_the_term_is_off_and_noted(make_config, tmp_path, capsys, batches):
    train(make_config("multi_task"), tmp_path / "run")
    assert all(batch.masks is None for batch in batches)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("the segmentation term is left out") == 1
    assert sum("the segmentation term is left out" in note for note in notes_of(tmp_path / "run"))
    assert not any("segmentation_loss" in line for line in log_of(tmp_path / "run"))


def test_masks_are_not_read_for_methods_that_do_not_ask(
    make_config, masked_store, tmp_path, monkeypatch
):
    def never(self, index):
        raise AssertionError("a mask was read")

    monkeypatch.setattr(Store, "mask", never)
    monkeypatch.setattr(engine, "Store", Store)
    train(on(masked_store, make_config("forensic_transfer", epochs=1)), tmp_path / "run")


@pytest.mark.parametrize("method", BASELINES)
def test_the_release_scores_as_the_trained_method(make_config, masked_store, tmp_path, method):
    config = on(masked_store, make_config(method))
    best = train(config, tmp_path / "run")
    evaluate_run(tmp_path / "run", [masked_store])
    scores = pd.read_parquet(tmp_path / "run/predictions.parquet").set_index("index")["p_fake"]
    rows = scores.index[:8].to_list()
    images = torch.from_numpy(Store(masked_store).images(rows)).permute(0, 3, 1, 2) / 255
    np.testing.assert_allclose(best.predict(images).numpy(), scores.loc[rows], atol=1e-5)
