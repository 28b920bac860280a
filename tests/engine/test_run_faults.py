"""Faults of a run: two at once, NaN anywhere, files that are damaged, what it says when stopped."""

import json
import math
import shutil
import subprocess
import sys

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file

from ltw.engine import train as engine
from ltw.engine.build import build_method, choose_device
from ltw.engine.evaluate import measure
from ltw.engine.run_folder import RunFolder
from ltw.engine.train import train
from ltw.errors import ConfigError, DataError, LTWError, Stopped
from ltw.methods import LTW
from ltw.models.detector import DetectorNetwork


@pytest.fixture
def run(trained, tmp_path):
    """A finished run of LTW that the test may damage."""
    shutil.copytree(trained["ltw"], tmp_path / "run")
    return tmp_path / "run"


# Two at once


def test_a_second_training_in_a_folder_is_refused_and_changes_nothing(make_config, tmp_path):
    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(DataError, match="another process trains or tests this run"),
    ):
        train(make_config(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] in ([], [".lock"])


def test_a_run_that_another_call_began_meanwhile_is_refused(make_config, tmp_path, monkeypatch):
    """Both found the folder empty; the second must not write over the first one's config."""

    class Late(engine._Trainer):
        def __init__(self, config, run):
            super().__init__(config, run)
            run.write_config(make_config(seed=5))

    monkeypatch.setattr(engine, "_Trainer", Late)
    with pytest.raises(ConfigError, match="holds a run already"):
        train(make_config(), tmp_path / "run")
    assert RunFolder(tmp_path / "run").config.seed == 5


# What is not finite


def poison_gradient(method, batch, backward):
    logs = backward(batch)
    next(p for p in method.parameters() if p.grad is not None).grad[0] = math.inf
    return logs


def poison_face_weight(method, batch, backward):
    logs = backward(batch)
    logs["weights"][2] = math.nan
    return logs


def poison_running_mean(method, batch, backward):
    logs = backward(batch)
    next(b for name, b in method.named_buffers() if "running_mean" in name)[0] = math.nan
    return logs


@pytest.mark.parametrize(
    ("poison", "named"),
    [
        (poison_gradient, "the gradient of detector"),
        (poison_face_weight, "the step's weights"),
        (poison_running_mean, "the stepped weight detector"),
    ],
)
def test_nothing_poisoned_is_saved(make_config, tmp_path, monkeypatch, poison, named):
    batches = []

    def build(config):
        method = build_method(config)
        backward = method.backward

        def third_time(batch):
            batches.append(list(batch.indices))
            if len(batches) < 3:
                return backward(batch)
            return poison(method, batch, backward)

        method.backward = third_time
        return method

    monkeypatch.setattr(engine, "build_method", build)
    with pytest.raises(LTWError, match=named) as raised:
        train(make_config("ltw", checkpoint_minutes=1e-9), tmp_path / "run")
    listed = json.loads((tmp_path / "run" / "stopped-batch.json").read_text())
    assert [face["index"] for face in listed["faces"]] == batches[-1]
    assert "stopped-batch.json" in str(raised.value)
    tensors = load_file(RunFolder(tmp_path / "run").last_checkpoint)
    assert all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())
    monkeypatch.undo()
    train(make_config("ltw", checkpoint_minutes=1e-9), tmp_path / "run", resume=True)


def test_a_logit_of_a_validation_face_that_is_not_finite_names_it(
    make_config, tmp_path, monkeypatch
):
    nan = lambda self, images: torch.full((len(images),), math.nan)  # noqa: E731
    monkeypatch.setattr(LTW, "logits", nan)
    with pytest.raises(LTWError, match=r"logit of validation face \d+ \(video toy/"):
        train(make_config("ltw", epochs=1), tmp_path / "run")
    assert not RunFolder(tmp_path / "run").last_checkpoint.exists()


def test_a_detector_with_nan_is_neither_loaded_nor_saved(run, tmp_path):
    path = run / "detector" / "detector.safetensors"
    detector = DetectorNetwork.load(run / "detector")
    with torch.no_grad():
        detector.head.bias.fill_(math.nan)
    with pytest.raises(DataError, match=r"1 of \d+ tensors.*head\.bias"):
        detector.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    tensors = load_file(path)
    tensors["head.weight"][0, 0] = math.inf
    save_file(tensors, path)
    with pytest.raises(DataError, match=r"detector\.safetensors.*head\.weight.*release it again"):
        DetectorNetwork.load(run / "detector")


# Damaged files


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone", 112),
        ("backbone", ["resnet18"]),
        ("image_size", "32"),
        ("image_size", 10**9),
        ("threshold", 2),
        ("temperature", 0),
        ("temperature", None),
    ],
)
def test_values_of_detector_json_are_checked(run, key, value):
    path = run / "detector" / "detector.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DataError, match=rf"detector\.json: damaged \({key} = ") as raised:
        DetectorNetwork.load(run / "detector")
    assert repr(value) in str(raised.value)


def without_metadata(path):
    save_file(load_file(path), path)


def metadata_of_something_else(path):
    save_file(load_file(path), path, {"state": '{"progress": 3}'})


def poisoned(path):
    tensors = load_file(path)
    tensors["optimizer/0/exp_avg"][:] = math.nan
    save_file(tensors, path)


@pytest.mark.parametrize("damage", [without_metadata, metadata_of_something_else, poisoned])
def test_a_damaged_checkpoint_is_one_message(run, make_config, damage):
    damage(run / "checkpoints" / "last.safetensors")
    with pytest.raises(DataError, match=r"last\.safetensors.*delete it"):
        train(make_config("ltw"), run, resume=True)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("metrics.json", "replicates", "many"),
        ("metrics.json", "domains", []),
        ("benchmark.json", "seed", None),
        ("benchmark.json", "benchmark", "gid"),
    ],
)
def test_values_of_a_runs_json_files_are_checked(run, name, key, value):
    record = {"benchmark": {"name": "b", "sources": ["a"], "targets": ["c"]}, "method": "ltw"}
    path = run / name
    known = json.loads(path.read_text()) if path.exists() else record | {"seed": 0}
    path.write_text(json.dumps(known | {key: value}))
    read = RunFolder(run).metrics if name == "metrics.json" else RunFolder(run).record
    with pytest.raises(DataError, match=rf"{name}: damaged \({key} = "):
        read()


@pytest.mark.parametrize("name", ["weights.parquet", "predictions.parquet"])
@pytest.mark.parametrize("cut", [0, 100, -9])
def test_truncated_tables_of_a_run_are_named(run, name, cut):
    path = run / name
    path.write_bytes(path.read_bytes()[:cut])
    read = RunFolder(run).weights if name == "weights.parquet" else lambda: measure(path)
    with pytest.raises(DataError, match=name):
        read()


# Going on


def test_a_run_goes_on_with_the_threads_it_began_with(make_config, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    config = make_config(threads=None, epochs=1)
    train(config, tmp_path / "run")
    assert RunFolder(tmp_path / "run").config.training.threads == 3
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)  # another machine
    train(config, tmp_path / "run", resume=True)
    assert given == [3, 3]
    with pytest.raises(ConfigError, match=r"training\.threads was 3, now 2"):
        train(make_config(threads=2, epochs=1), tmp_path / "run", resume=True)


def test_what_stops_a_training_says_what_is_kept(make_config, tmp_path, monkeypatch):
    steps = []

    def stop_at_the_third(trainer, batch):
        steps.append(1)
        if len(steps) == 3:
            raise Stopped(2)
        return step(trainer, batch)

    step = engine._Trainer._step
    monkeypatch.setattr(engine._Trainer, "_step", stop_at_the_third)
    run = tmp_path / "run"
    with pytest.raises(Stopped) as stop:
        train(make_config(epochs=10), run)
    (note,) = stop.value.__notes__
    assert "stopped in epoch 2 of 10" in note
    assert f"`ltw train --resume {run}` goes on" in note


def test_equal_runs_give_equal_bytes(trained, make_config, tmp_path):
    train(make_config("ltw"), tmp_path / "run")
    names = ["checkpoints/last.safetensors", "checkpoints/best.safetensors", "weights.parquet"]
    for name in [*names, "detector/detector.safetensors", "detector/detector.json", "config.toml"]:
        assert (tmp_path / "run" / name).read_bytes() == (trained["ltw"] / name).read_bytes(), name


@pytest.mark.parametrize("name", ["meta", "hpu", "vulkan", "cuda:99", "nonsense"])
def test_devices_that_are_not_there(name):
    with pytest.raises(ConfigError, match=f"training.device = '{name}'"):
        choose_device(name)


@pytest.mark.slow
def test_a_run_is_resumed_by_its_folder_alone(run, capsys):
    (run / "checkpoints" / "last.safetensors").unlink()
    command = [sys.executable, "-m", "ltw", "train", "--resume", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (run / "checkpoints" / "last.safetensors").exists()
    again = subprocess.run([*command, "--set", "seed=4"], capture_output=True, text=True)
    assert again.returncode == 2
    assert "seed was 0, now 4" in again.stderr
