"""The synthetic suite at its smallest, by the commands a user gives: corpus, faces, runs, table."""

import json
import os
import subprocess
import sys

import pytest

from ltw.synth.forgeries import DEFAULT_FORGERIES

TINY = {
    "detector.image_size": 64,
    "training.epochs": 1,
    "training.steps_per_epoch": 1,
    "training.batch_size": 4,
    "training.workers": 0,
}


def ltw(*arguments, cwd):
    command = [sys.executable, "-m", "ltw", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_from_rendered_people_to_a_table(tmp_path):
    ltw("synth", "corpus", "--people", 8, "--frames", 2, "--size", 160, cwd=tmp_path)
    ltw("extract", "faceforensics", "corpus", "--store", "faces", "--frames", 2, cwd=tmp_path)
    settings = [text for key, value in TINY.items() for text in ("--set", f"{key}={value}")]
    suite = ("bench", "run", "synthetic", "--store", "faces", "--out", "results", "--jobs", 2)
    ltw(*suite, "--methods", "alltrain,ltw", *settings, cwd=tmp_path)
    runs = json.loads((tmp_path / "results/results.json").read_text())["runs"]
    done = {(run["method"], target) for run in runs for target in run["targets"]}
    assert done == {(m, target) for m in ("alltrain", "ltw") for target in DEFAULT_FORGERIES}
    table = ltw("bench", "table", "results", cwd=tmp_path)
    assert all(f"synthetic-{forgery}" in table for forgery in DEFAULT_FORGERIES)
    blocks = len(DEFAULT_FORGERIES) + 1  # and the mean
    assert table.count("| ERM |") == table.count("| LTW |") == blocks
