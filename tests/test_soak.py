"""Killed again and again at moments nobody chose: `make soak`."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from toy_suites import TINY

from ltw.data.checks.store_check import store_check
from ltw.methods import METHODS
from ltw.synth.corpus import make_corpus

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("LTW_KILLS", "5"))


def ltw(*words):
    return [sys.executable, "-m", "ltw", *map(str, words)]


def run_and_time(command):
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


def kill_often(make_command, seconds):
    """Start what ``make_command()`` says, kill it within ``seconds``, KILLS times; then let it end.

    Its process alone is killed, or it with all that it started, as the dice say. Whatever ends
    before it is killed must have ended well. Returns how often it was killed.
    """
    dice, kills = random.Random(0), 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            make_command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        alone = dice.random() < 0.5
        time.sleep(dice.uniform(0, seconds))
        if process.poll() is None:
            kills += 1
            (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
            process.stderr.close()
            process.wait()
        else:
            assert process.returncode == 0, process.communicate()[1]
    subprocess.run(make_command(), check=True, capture_output=True)
    return kills


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"basemodel"}))  # which trains nothing
def test_a_training_ends_with_the_same_weights(make_config, tmp_path, method):
    config = make_config(method, epochs=6, steps_per_epoch=40, checkpoint_minutes=0.005, workers=1)
    (tmp_path / "experiment.toml").write_text(config.to_toml())
    whole, run = tmp_path / "whole", tmp_path / "run"

    def command(run):
        resume = ["--resume"] if (run / "config.toml").exists() else []
        return ltw("train", tmp_path / "experiment.toml", "--run", run, *resume)

    seconds = run_and_time(command(whole))
    assert kill_often(lambda: command(run), seconds) >= KILLS // 4
    one, other = (load_file(r / "detector/detector.safetensors") for r in (whole, run))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert losses(whole) == losses(run)


def losses(run):
    """What the log says of every step, in its order: none is lost, none stands twice."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["loss"]) for line in lines if line["kind"] == "step"]


def files(folder, pattern):
    """The bytes of files by where they lie below the folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob(pattern)}


def no_leftovers(folder):
    return not list(folder.rglob(".*.part"))


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_an_extraction_ends_with_the_same_store(tmp_path, engine):
    corpus = make_corpus(tmp_path / "corpus", people=8, frames=6, size=256, workers=2)

    def command(store):
        options = ("--frames", 6, "--size", 96, "--workers", 2, "--engine", engine)
        return ltw("extract", "faceforensics", corpus.root, "--store", store, *options)

    whole, store = tmp_path / "whole", tmp_path / "store"
    seconds = run_and_time(command(whole))
    assert kill_often(lambda: command(store), seconds) >= KILLS // 4
    assert store_check(store).problems == []
    for table in ("records.parquet", "videos.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(whole / table), pd.read_parquet(store / table)
        )
    assert no_leftovers(store)


def test_an_evaluation_ends_with_the_same_figures(trained, store_path, tmp_path):
    runs = [shutil.copytree(trained["ltw"], tmp_path / name) for name in ("whole", "run")]
    for run in runs:
        (run / "predictions.parquet").unlink()
        (run / "metrics.json").unlink()
    seconds = run_and_time(ltw("evaluate", runs[0], "--store", store_path))
    kill_often(lambda: ltw("evaluate", runs[1], "--store", store_path), seconds)
    for name in ("predictions.parquet", "metrics.json"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()
    assert no_leftovers(runs[1])


def test_an_export_ends_with_a_whole_file(trained, tmp_path):
    def command(to):
        return ltw("export", trained["ltw"], "--to", to / "detector.onnx")

    seconds = run_and_time(command(tmp_path / "whole"))
    kill_often(lambda: command(tmp_path / "killed"), seconds)
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["detector.onnx"]


def test_a_suite_ends_with_the_same_figures(store_path, tmp_path):
    settings = [f"{key}={json.dumps(value)}" for key, value in TINY.items()]

    def command(out):
        options = [x for setting in settings for x in ("--set", setting)]
        where = ("--store", store_path, "--out", out, "--methods", "alltrain,ltw", "--jobs", 2)
        return ltw("bench", "run", "leave-one-out", *where, *options)

    seconds = run_and_time(command(tmp_path / "whole"))
    kill_often(lambda: command(tmp_path / "killed"), seconds)
    found = [
        {
            path.parent.name: path.read_bytes()
            for path in (tmp_path / out).glob("runs/*/metrics.json")
        }
        for out in ("whole", "killed")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 8
    assert no_leftovers(tmp_path / "killed")


def test_a_corpus_ends_with_the_same_videos(tmp_path):
    def command(out):
        return ltw("synth", out, "--people", 6, "--frames", 4, "--size", 192, "--workers", 2)

    seconds = run_and_time(command(tmp_path / "whole"))
    kill_often(lambda: command(tmp_path / "killed"), seconds)
    found = [
        {
            path.relative_to(tmp_path / out): path.read_bytes()
            for path in (tmp_path / out).rglob("*.mp4")
        }
        for out in ("whole", "killed")
    ]
    assert found[0].keys() == found[1].keys()
    assert found[0] == found[1]
    assert no_leftovers(tmp_path / "killed")
