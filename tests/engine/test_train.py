"""A training run: what its folder holds, that it repeats and resumes exactly, what it refuses."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_store import FORGERIES

from ltw.data.pairing import Pairing, epoch_batches
from ltw.data.selection import source_faces
from ltw.data.store import Store
from ltw.engine import train as engine
from ltw.engine.build import build_method
from ltw.engine.run_folder import RunFolder
from ltw.engine.train import train
from ltw.errors import ConfigError, DataError, LTWError
from ltw.methods import ERM, LTW, METHODS
from ltw.models.detector import DetectorNetwork

BOTH = pytest.mark.parametrize("method", ["alltrain", "ltw"])
SAVES_EVERY_STEP = 1e-9


class KilledError(Exception):
    """Stands in for a kill: no code of ours expects it."""


CHECKPOINTS = ("checkpoints/last.safetensors", "checkpoints/best.safetensors")


def log_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def untimed(run):
    return [
        {k: v for k, v in line.items() if k not in ("seconds", "waited_for_data")}
        for line in log_of(run)
    ]


def best_weights(run):
    tensors = load_file(RunFolder(run).best_checkpoint)
    prefix = "method/detector."
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def assert_same_tensors(one, other):
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different


def assert_same_run(one, other):
    """Bit for bit: both checkpoints with optimizer and random state, the release, the log."""
    assert untimed(one) == untimed(other)
    for name in (
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "detector/detector.safetensors",
    ):
        assert_same_tensors(load_file(one / name), load_file(other / name))
    weights = [run / "weights.parquet" for run in (one, other)]
    assert weights[0].exists() == weights[1].exists()
    if weights[0].exists():
        pd.testing.assert_frame_equal(*map(pd.read_parquet, weights))
    assert scalars_of(one) == scalars_of(other)


def scalars_of(run):
    """What TensorBoard shows. It sorts files by name: a run that goes on within the second in which
    it was killed, as only a test's does, may have its tenth file before its ninth.
    """
    with TemporaryDirectory() as folder:
        files = sorted(run.glob("events*"), key=lambda path: path.stat().st_mtime_ns)
        for place, path in enumerate(files):
            shutil.copy(path, Path(folder) / f"events.out.tfevents.{place:03d}")
        board = EventAccumulator(folder).Reload()
    return {
        tag: [(event.step, event.value) for event in board.Scalars(tag)]
        for tag in board.Tags()["scalars"]
    }


# What a run holds


@BOTH
def test_run_folder(trained, make_config, method):
    run = trained[method]
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    events = {name for name in files if "tfevents" in name}
    assert files - events == {
        "config.toml",
        "metrics.jsonl",
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "detector/detector.json",
        "detector/detector.safetensors",
        "predictions.parquet",
        "metrics.json",
        *(["weights.parquet"] if method == "ltw" else []),
    }
    assert events
    assert RunFolder(run).config == make_config(method)


@BOTH
def test_log_has_every_step_and_epoch(trained, method):
    log = log_of(trained[method])
    assert [(line["kind"], line["step"]) for line in log] == [
        ("step", 1),
        ("step", 2),
        ("epoch", 2),
        ("step", 3),
        ("step", 4),
        ("epoch", 4),
    ]
    for line in log:
        if line["kind"] == "step":
            assert np.isfinite(line["loss"])
            assert ("meta_test_loss" in line) == (method == "ltw")
        else:
            assert {"acc", "log_loss", "auc", "eer"} <= line["validation"].keys()


def test_weights_are_of_the_reals_and_of_the_domains_trained_on_at_every_epoch(trained):
    epochs = [line for line in log_of(trained["ltw"]) if line["kind"] == "epoch"]
    for line in epochs:
        assert "real" in line["weights"]  # of three sources, one is held out: it weighs nothing
        assert len(line["weights"].keys() & set(FORGERIES[:3])) == len(line["weights"]) - 1 <= 2
        assert all(0 < value < 1 for value in line["weights"].values())
    assert epochs[0]["weights"] != epochs[1]["weights"]
    assert not any("weights" in line for line in log_of(trained["alltrain"]))


@pytest.mark.parametrize("how", ["none", "class"])
def test_the_weights_logged_are_those_that_weighed_the_loss(
    make_config, tmp_path, monkeypatch, how
):
    """A hook on the weight network sees every p of a step in training mode, and nothing else."""
    config = make_config("ltw", steps_per_epoch=4)
    ltw = config.ltw.model_copy(update={"weight_normalization": how})
    config = config.model_copy(update={"ltw": ltw})
    seen, trained_on = [], []
    backward = LTW.backward

    def recording(self, batch):
        hook = self.weight_network.register_forward_hook(
            lambda *args: seen.append(args[2].detach())
        )
        logs = backward(self, batch)
        hook.remove()
        assert self.weight_network.training
        trained_on.append(batch)
        return logs

    monkeypatch.setattr(LTW, "backward", recording)
    train(config, tmp_path / "run")
    assert len(seen) == len(trained_on) == 8
    faces = pd.DataFrame(
        {
            "epoch": n // 4 + 1,
            "domain": domain,
            "label": int(label),
            "p": float(p),
            "scaled": float(p / weights[batch.labels == label].mean()),
        }
        for n, (weights, batch) in enumerate(zip(seen, trained_on, strict=True))
        for domain, label, p in zip(batch.domains, batch.labels, weights, strict=True)
    )
    for line in (line for line in log_of(tmp_path / "run") if line["kind"] == "epoch"):
        own = faces[faces["epoch"] == line["epoch"]]
        assert line["weights"] == pytest.approx(own.groupby("domain")["p"].mean().to_dict())
        statistics = line["weight_statistics"]
        groups = {("domains", d): rows for d, rows in own.groupby("domain")}
        groups |= {("classes", ["real", "fake"][y]): rows for y, rows in own.groupby("label")}
        assert {(kind, name) for kind in statistics for name in statistics[kind]} == groups.keys()
        for (kind, name), rows in groups.items():
            expected = {"faces": len(rows), "mean": rows["p"].mean(), "std": rows["p"].std(ddof=0)}
            if how == "class":
                expected["normalized_mean"] = rows["scaled"].mean()
                expected["normalized_std"] = rows["scaled"].std(ddof=0)
            assert statistics[kind][name] == pytest.approx(expected, rel=1e-4)


def test_weights_file_holds_the_released_weights_of_training_faces(
    trained, make_config, store_path
):
    """In training mode: the table is rebuilt from the batches in which the faces stood."""
    table = pd.read_parquet(trained["ltw"] / "weights.parquet")
    store = Store(store_path)
    faces = store.records.loc[table["index"]]
    assert set(faces["split"]) == {"train"}
    assert set(faces["domain"]) == {"real", *FORGERIES[:3]}
    for name in ("domain", "label"):
        assert table[name].tolist() == faces[name].tolist()
    method = build_method(make_config("ltw")).train()
    tensors = load_file(RunFolder(trained["ltw"]).best_checkpoint)
    released = {n.removeprefix("method/"): t for n, t in tensors.items() if n.startswith("method/")}
    method.load_state_dict(released)
    known = source_faces(store.records, list(FORGERIES[:3]), None, "train")
    pairing = Pairing(store.records.loc[known].reset_index(drop=True))
    plan = epoch_batches(
        pairing,
        np.arange(len(known)),
        FORGERIES[:3],
        steps=12,  # 72 training faces, 6 a batch
        batch_size=6,
        paired=False,
        rng=np.random.default_rng(0),
    )
    expected: dict[int, float] = {}
    for rows in plan:
        batch = known[rows.faces]
        images = torch.from_numpy(store.images(batch)).permute(0, 3, 1, 2) / 255
        with torch.no_grad():
            p = method.weight_network(method.detector(images)[1])
        for index, weight in zip(batch.tolist(), p.tolist(), strict=True):
            expected.setdefault(index, weight)
    assert table["index"].tolist() == sorted(expected)
    np.testing.assert_allclose(table["weight"], [expected[i] for i in table["index"]], rtol=1e-4)


@BOTH
def test_tensorboard_shows_the_log(trained, method):
    scalars = scalars_of(trained[method])
    steps = [line for line in log_of(trained[method]) if line["kind"] == "step"]
    assert [step for step, _ in scalars["train/loss"]] == [line["step"] for line in steps]
    np.testing.assert_allclose(
        [value for _, value in scalars["train/loss"]], [line["loss"] for line in steps], rtol=1e-6
    )
    assert [step for step, _ in scalars["validation/auc"]] == [2, 4]
    assert ("weights/real" in scalars) == (method == "ltw")


@BOTH
def test_release_is_the_best_checkpoints_detector(trained, method):
    run = trained[method]
    assert_same_tensors(DetectorNetwork.load(run / "detector").state_dict(), best_weights(run))


def test_best_is_the_first_of_the_highest_validation_auc(make_config, tmp_path, monkeypatch):
    aucs = iter([0.6, 0.9, 0.9, 0.7])
    monkeypatch.setattr(engine.metrics, "evaluate", lambda y, p: {"auc": next(aucs)})
    train(make_config(epochs=4), tmp_path / "four")
    aucs = iter([0.6, 0.9])
    train(make_config(epochs=2), tmp_path / "two")
    assert_same_tensors(best_weights(tmp_path / "four"), best_weights(tmp_path / "two"))
    released = load_file(tmp_path / "four/detector/detector.safetensors")
    assert_same_tensors(released, best_weights(tmp_path / "two"))
    last = load_file(RunFolder(tmp_path / "four").last_checkpoint)
    assert not torch.equal(last["method/detector.head.weight"], released["head.weight"])


@pytest.mark.parametrize("rule", ["last", "best"])
def test_the_last_epoch_is_released_where_the_config_says_so(
    make_config, tmp_path, monkeypatch, capsys, rule
):
    aucs = iter([0.6, 0.9, 0.7])
    monkeypatch.setattr(engine.metrics, "evaluate", lambda y, p: {"auc": next(aucs)})
    run = tmp_path / "run"
    train(make_config(epochs=3, selection=rule), run)
    released = DetectorNetwork.load(run / "detector")
    prefix = "method/detector."
    saved = load_file(RunFolder(run).last_checkpoint)
    last = {n.removeprefix(prefix): t for n, t in saved.items() if prefix in n}
    assert_same_tensors(released.state_dict(), last if rule == "last" else best_weights(run))
    assert not torch.equal(last["head.weight"], best_weights(run)["head.weight"])
    found = {
        "rule": rule,
        "last": {"epoch": 3, "validation_auc": 0.7},
        "best": {"epoch": 2, "validation_auc": 0.9},
    }
    assert released.config["selection"] == found
    said = [line for line in log_of(run) if line["kind"] == "selection"]
    assert said == [{"kind": "selection", "step": 6, "epoch": 3, **found}]
    assert f"the {rule} is released" in " ".join(capsys.readouterr().err.split())


def test_nothing_is_said_of_selection_where_the_last_epoch_is_the_best(
    make_config, tmp_path, monkeypatch, capsys
):
    aucs = iter([0.6, 0.9])
    monkeypatch.setattr(engine.metrics, "evaluate", lambda y, p: {"auc": next(aucs)})
    train(make_config(selection="last"), tmp_path / "run")
    assert not any(line["kind"] == "selection" for line in log_of(tmp_path / "run"))
    assert "is released" not in capsys.readouterr().err


@BOTH
def test_target_and_test_faces_are_never_read(make_config, tmp_path, monkeypatch, method):
    read = set()

    class Recording(Store):
        def images(self, indices):
            read.update(int(index) for index in indices)
            return super().images(indices)

    monkeypatch.setattr(engine, "Store", Recording)
    config = make_config(method, steps_per_epoch=20)
    train(config, tmp_path / "run")
    faces = Store(config.store).records.loc[sorted(read)]
    assert set(faces["domain"]) == {"real", *config.sources}
    assert set(faces["split"]) == {"train", "val"}


def test_training_learns(make_config, tmp_path):
    train(make_config(epochs=3, steps_per_epoch=15, batch_size=12), tmp_path / "run")
    epochs = [line for line in log_of(tmp_path / "run") if line["kind"] == "epoch"]
    assert max(line["validation"]["auc"] for line in epochs) > 0.9


def test_default_epoch_draws_every_source_fake_once(make_config, tmp_path, monkeypatch):
    drawn = []
    backward = ERM.backward

    def recording(self, batch):
        drawn.extend(i for i, y in zip(batch.indices, batch.labels, strict=True) if y == 1)
        return backward(self, batch)

    monkeypatch.setattr(ERM, "backward", recording)
    config = make_config(epochs=1, steps_per_epoch=None, batch_size=12)
    train(config, tmp_path / "run")
    records = Store(config.store).records
    fakes = records[records["domain"].isin(config.sources) & (records["split"] == "train")]
    assert sorted(drawn) == fakes.index.tolist()  # 54 fakes, 6 a batch


# The same again


@BOTH
def test_seed_decides_everything(trained, make_config, tmp_path, method):
    train(make_config(method), tmp_path / "same")
    train(make_config(method, seed=1), tmp_path / "other")
    assert_same_run(trained[method], tmp_path / "same")
    same, other = best_weights(tmp_path / "same"), best_weights(tmp_path / "other")
    assert not torch.equal(same["head.weight"], other["head.weight"])


def test_all_methods_of_a_seed_start_from_the_same_detector(make_config):
    erm, ltw = (build_method(make_config(m)).detector for m in ("alltrain", "ltw"))
    other = build_method(make_config("ltw", seed=1)).detector
    assert_same_tensors(erm.state_dict(), ltw.state_dict())
    assert not torch.equal(other.head.weight, erm.head.weight)


# Cut off and resumed


@pytest.fixture
def train_until(monkeypatch):
    """``train_until(n, config, run)``: a run that is killed in place of its ``n``-th checkpoint."""

    def run_and_kill(n, config, run, **options):
        saves, save = itertools.count(1), engine.save_checkpoint

        def save_or_die(*args):
            if next(saves) == n:
                raise KilledError
            save(*args)

        with monkeypatch.context() as patch:
            patch.setattr(engine, "save_checkpoint", save_or_die)
            with pytest.raises(KilledError):
                train(config, run, **options)

    return run_and_kill


# Saved at every step, and best again in the second epoch: last, best, last; last, best, last
@BOTH
@pytest.mark.parametrize("n", range(1, 7))
def test_resumed_after_any_checkpoint(trained, make_config, tmp_path, train_until, method, n):
    config = make_config(method, checkpoint_minutes=SAVES_EVERY_STEP)
    train_until(n, config, tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(trained[method], tmp_path / "run")


@BOTH
def test_killed_twice_with_a_torn_log_line(trained, make_config, tmp_path, train_until, method):
    config = make_config(method, checkpoint_minutes=SAVES_EVERY_STEP)
    for n in (3, 2):
        train_until(n, config, tmp_path / "run", resume=(tmp_path / "run").exists())
        with (tmp_path / "run/metrics.jsonl").open("a") as log:
            log.write('{"kind": "step", "st')
    train(config, tmp_path / "run", resume=True)
    assert_same_run(trained[method], tmp_path / "run")


@BOTH
def test_killed_before_the_first_checkpoint(trained, make_config, tmp_path, train_until, method):
    config = make_config(method)
    train_until(1, config, tmp_path / "run")
    assert log_of(tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(trained[method], tmp_path / "run")


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("alltrain", "ltw")])
def test_every_method_trains_repeats_and_resumes(make_config, tmp_path, train_until, method):
    config = make_config(method, checkpoint_minutes=SAVES_EVERY_STEP)
    train(config, tmp_path / "whole")
    train_until(2, config, tmp_path / "run")  # in the first epoch, where there is one
    train(config, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    released = DetectorNetwork.load(tmp_path / "run/detector").state_dict()
    assert_same_tensors(released, best_weights(tmp_path / "run"))


def test_a_method_that_trains_nothing_is_validated_and_released(make_config, tmp_path, capsys):
    config = make_config("basemodel", epochs=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(config, tmp_path / "run")
    assert [line["kind"] for line in log_of(tmp_path / "run")] == ["epoch"]
    released = DetectorNetwork.load(tmp_path / "run/detector").state_dict()
    assert_same_tensors(released, build_method(config).detector.state_dict())
    assert "data loading" not in capsys.readouterr().err


def test_the_share_of_data_loading_is_said(make_config, tmp_path, capsys):
    train(make_config(), tmp_path / "run")
    epochs = [line for line in log_of(tmp_path / "run") if line["kind"] == "epoch"]
    waited, seconds = (sum(e[key] for e in epochs) for key in ("waited_for_data", "seconds"))
    assert f"data loading: {waited / seconds:.0%} of the time" in capsys.readouterr().err


# Options that keep a state, or read the data otherwise

OPTIONS = {
    "counterparts": "other person",
    "weight_counterparts": "same video",
    "weight_network": {"input": "features+loss", "norm": "group"},
    "weight_normalization": "class",
    "slope_memory": 0.5,
    "preconditioned": True,
    "warm_up": 1,
    "weight_decay": 0.01,
}


@pytest.mark.parametrize("n", [2, 5])
def test_every_option_of_ltw_resumes(make_config, tmp_path, train_until, n):
    config = make_config("ltw", checkpoint_minutes=SAVES_EVERY_STEP, recompute_batch_norm=True)
    ltw = type(config.ltw)(**OPTIONS)
    config = config.model_copy(update={"ltw": ltw})
    train(config, tmp_path / "whole")
    train_until(n, config, tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    steps = [line for line in log_of(tmp_path / "whole") if line["kind"] == "step"]
    assert ["meta_test_loss" in line for line in steps] == [False, True, True, True]
    state = load_file(RunFolder(tmp_path / "whole").last_checkpoint)
    assert len(state["method/slope_memory._extra_state"]) > 6


def test_batch_norm_statistics_are_those_of_all_sources(make_config, tmp_path):
    config = make_config(epochs=1, recompute_batch_norm=True)
    train(config, tmp_path / "run")
    train(make_config(epochs=1), tmp_path / "plain")
    recomputed, plain = best_weights(tmp_path / "run"), best_weights(tmp_path / "plain")
    statistics = {name for name in plain if "running" in name or "num_batches" in name}
    changed = {name for name in plain if not torch.equal(plain[name], recomputed[name])}
    assert changed <= statistics  # training is the same
    assert {name for name in statistics if "running" in name} <= changed

    # the mean over the batches of each batch's own mean, at the first BatchNorm
    store = Store(config.store)
    known = source_faces(store.records, list(FORGERIES[:3]), None, "train")
    pairing = Pairing(store.records.loc[known].reset_index(drop=True))
    rng = np.random.default_rng([0, 1])
    options = {"steps": 2, "batch_size": 6, "paired": False, "rng": rng}
    method = build_method(config)
    method.detector.load_state_dict(recomputed)
    stem, means, variances = method.detector.backbone.conv_stem, [], []
    for rows in epoch_batches(pairing, np.arange(len(known)), FORGERIES[:3], **options):
        crops = torch.from_numpy(store.images(known[rows.faces])).permute(0, 3, 1, 2) / 255
        with torch.no_grad():
            maps = stem(method.detector.normalize(crops))
        means.append(maps.mean((0, 2, 3)))
        variances.append(maps.var((0, 2, 3), unbiased=True))
    found = method.detector.backbone.bn1
    torch.testing.assert_close(found.running_mean, torch.stack(means).mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        found.running_var, torch.stack(variances).mean(0), rtol=1e-4, atol=1e-5
    )
    assert found.momentum == pytest.approx(build_method(config).detector.backbone.bn1.momentum)


# A run whose method has a first phase


@pytest.fixture(scope="session")
def two_phases(make_config, tmp_path_factory):
    run = tmp_path_factory.mktemp("phases") / "run"
    train(make_config("ltw-without-meta-test"), run)
    return run


def test_the_first_phase_is_a_run_of_its_own_and_its_weights_are_kept(trained, two_phases):
    for name in (
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "detector/detector.safetensors",
    ):
        assert_same_tensors(load_file(two_phases / "ltw" / name), load_file(trained["ltw"] / name))
    first, second = (
        load_file(RunFolder(trained["ltw"]).best_checkpoint),
        load_file(RunFolder(two_phases).last_checkpoint),
    )
    weights = [name for name in first if name.startswith("method/weight_network")]
    assert weights
    assert all(torch.equal(first[name], second[name]) for name in weights)
    steps = [line for line in log_of(two_phases) if line["kind"] == "step"]
    assert not any("meta_test_loss" in line for line in steps)  # no meta-test pass is made


def test_the_second_phase_starts_from_the_same_detector(make_config, tmp_path):
    config = make_config("ltw-without-meta-test", epochs=1, steps_per_epoch=1, learning_rate=1e-12)
    train(config, tmp_path / "run")
    start = build_method(config).detector.head.weight
    torch.testing.assert_close(best_weights(tmp_path / "run")["head.weight"], start)


@pytest.mark.parametrize("n", range(1, 13))  # six checkpoints a phase
def test_killed_in_either_phase(two_phases, make_config, tmp_path, train_until, n):
    config = make_config("ltw-without-meta-test", checkpoint_minutes=SAVES_EVERY_STEP)
    train_until(n, config, tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(two_phases, tmp_path / "run")
    assert_same_run(two_phases / "ltw", tmp_path / "run/ltw")


def test_a_finished_first_phase_is_not_trained_again(
    make_config, tmp_path, train_until, monkeypatch
):
    config = make_config("ltw-without-meta-test")
    train_until(5, config, tmp_path / "run")  # best and last of two epochs; then the second phase
    monkeypatch.setattr(LTW, "backward", None)
    train(config, tmp_path / "run", resume=True)


def test_dropout_goes_on_where_it_was(make_config, tmp_path, monkeypatch, train_until):
    def with_dropout(config):
        method = build_method(config)
        head = method.detector.head
        method.detector.head = torch.nn.Sequential(torch.nn.Dropout(0.5), head)
        return method

    monkeypatch.setattr(engine, "build_method", with_dropout)
    config = make_config(checkpoint_minutes=SAVES_EVERY_STEP)
    train(config, tmp_path / "whole")
    train_until(2, config, tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_readers_in_other_processes_change_nothing(trained, make_config, tmp_path, train_until):
    config = make_config("ltw", workers=1, checkpoint_minutes=SAVES_EVERY_STEP)
    train_until(2, config, tmp_path / "run")
    train(config, tmp_path / "run", resume=True)
    assert_same_run(trained["ltw"], tmp_path / "run")


@pytest.mark.parametrize("n", [5, 8])  # in the second epoch, before a drop; and after one
def test_learning_rate_drops_also_across_a_resume(
    make_config, tmp_path, monkeypatch, train_until, n
):
    rates = []
    step = torch.optim.Adam.step

    def recording(self, *args, **kwargs):
        rates.append(tuple(group["lr"] for group in self.param_groups))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", recording)
    config = make_config(
        "ltw",
        epochs=5,
        lr_step_epochs=2,
        learning_rate=0.01,
        weight_learning_rate=0.001,
        checkpoint_minutes=SAVES_EVERY_STEP,
    )
    train_until(n, config, tmp_path / "run")
    del rates[-1:]  # the step whose checkpoint was not written is done again
    train(config, tmp_path / "run", resume=True)
    expected = [(0.01, 0.001)] * 4 + [(1e-3, 1e-4)] * 4 + [(1e-4, 1e-5)] * 2
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_resuming_a_finished_run_only_releases_again(make_config, tmp_path, monkeypatch):
    config = make_config("ltw")
    train(config, tmp_path / "run")
    before = {
        name: (tmp_path / "run" / name).read_bytes()
        for name in ("checkpoints/last.safetensors", "checkpoints/best.safetensors")
    }
    log = (tmp_path / "run/metrics.jsonl").read_text()
    (tmp_path / "run/detector/detector.json").unlink()
    monkeypatch.setattr(ERM, "backward", None)
    train(config, tmp_path / "run", resume=True)
    assert (tmp_path / "run/metrics.jsonl").read_text() == log
    assert {name: (tmp_path / "run" / name).read_bytes() for name in before} == before
    DetectorNetwork.load(tmp_path / "run/detector")


@pytest.mark.slow
@BOTH
def test_resumed_after_sigkill(make_config, tmp_path, method):
    """A real process, killed in the middle of its second epoch: nothing may sit in a buffer."""
    config = make_config(
        method, epochs=3, steps_per_epoch=8, checkpoint_minutes=SAVES_EVERY_STEP, workers=1
    )
    train(config, tmp_path / "whole")
    (tmp_path / "run.toml").write_text(config.to_toml())
    command = [sys.executable, "-m", "ltw", "train", str(tmp_path / "run.toml")]
    command += ["--run", str(tmp_path / "run")]
    log = tmp_path / "run/metrics.jsonl"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (log.exists() and len(log.read_text().splitlines()) >= 12):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert 12 <= len(log.read_text().splitlines()) < 27
    subprocess.run([*command, "--resume"], check=True, capture_output=True, timeout=120)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


# What is refused


def test_starting_over_a_run_is_refused(trained, make_config):
    before = (trained["ltw"] / "metrics.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=r"holds a run already; add --resume"):
        train(make_config("ltw"), trained["ltw"])
    assert (trained["ltw"] / "metrics.jsonl").read_bytes() == before


def test_resuming_with_another_config_names_the_keys(trained, make_config):
    with pytest.raises(ConfigError) as raised:
        train(make_config("ltw", seed=3, batch_size=8), trained["ltw"], resume=True)
    assert "seed" in str(raised.value)
    assert "training.batch_size" in str(raised.value)
    assert "learning_rate" not in str(raised.value)


def test_a_moved_store_is_no_other_config(trained, make_config, store_path, tmp_path):
    moved = tmp_path / "moved"
    moved.symlink_to(store_path)
    config = make_config().model_copy(update={"store": moved})
    train(config, trained["alltrain"], resume=True)


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_to_resume(make_config, tmp_path, exists):
    if exists:
        (tmp_path / "run").mkdir()
    with pytest.raises(LTWError, match="no run here"):
        train(make_config(), tmp_path / "run", resume=True)


def test_a_relative_store_is_saved_so_that_it_is_found_from_the_run(
    make_config, store_path, tmp_path, monkeypatch
):
    monkeypatch.chdir(store_path.parent)
    config = make_config(epochs=1).model_copy(update={"store": type(store_path)("store")})
    train(config, tmp_path / "run")
    assert RunFolder(tmp_path / "run").config.store == store_path


def test_a_refused_config_leaves_nothing_behind(make_config, tmp_path):
    """So that the corrected one is not taken for another experiment in the same folder."""
    run = tmp_path / "run"
    with pytest.raises(DataError, match="did you mean 'stripes'"):
        train(make_config(sources=("strips", "columns")), run)
    with pytest.raises(LTWError, match="at least two"):
        train(make_config("ltw", sources=("stripes",)), run)
    with pytest.raises(ConfigError, match="did you mean 'alltrain'"):
        train(make_config("altrain"), run)
    assert not run.exists()
    train(make_config(sources=("stripes",), epochs=1), run)  # one source is enough for ERM


def test_no_validation_faces(make_config, tmp_path, monkeypatch):
    class WithoutValidation(Store):
        def __init__(self, path):
            super().__init__(path)
            self.records = self.records.assign(split=self.records["split"].replace("val", "train"))

    monkeypatch.setattr(engine, "Store", WithoutValidation)
    with pytest.raises(DataError, match=r"'stripes' has no face in split 'val'.*test, train"):
        train(make_config(), tmp_path / "run")


@BOTH
def test_a_loss_that_is_not_finite_names_its_rows(make_config, tmp_path, monkeypatch, method):
    poisoned = []

    def poison(config):
        built = build_method(config)
        backward = built.backward

        def second_time_broken(batch):
            if poisoned:
                poisoned[:] = batch.indices
                batch.images[0] = np.nan
            poisoned.append(0)
            return backward(batch)

        built.backward = second_time_broken
        return built

    monkeypatch.setattr(engine, "build_method", poison)
    with pytest.raises(LTWError, match="loss is nan") as raised:
        train(make_config(method), tmp_path / "run")
    assert ", ".join(map(str, poisoned[:-1])) in str(raised.value)


def test_a_damaged_face_read_by_another_process_is_one_sentence(make_config, tmp_path, monkeypatch):
    class Damaged(Store):
        def images(self, indices):
            raise DataError(f"face {indices[0]}: does not decode")

    monkeypatch.setattr(engine, "Store", Damaged)
    with pytest.raises(DataError, match=r"^face \d+: does not decode$"):
        train(make_config(workers=1), tmp_path / "run")
