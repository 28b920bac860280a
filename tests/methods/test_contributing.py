"""The method that CONTRIBUTING.md adds: it trains by its name, with its own options."""

import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"

# A process of its own: the sections of a config are collected from METHODS when it is imported.
TRAIN = """
import sys
from ltw import methods
from label_smoothing import LabelSmoothing
methods.METHODS["label_smoothing"] = LabelSmoothing
from ltw.cli import main
sys.argv = ["ltw", *sys.argv[1:]]
main()
"""


def test_the_methods_example_trains_by_name(make_config, tmp_path):
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    (tmp_path / "label_smoothing.py").write_text(example, encoding="utf-8")
    (tmp_path / "experiment.toml").write_text(make_config(epochs=1).to_toml())

    def ltw(*settings: str) -> subprocess.CompletedProcess[str]:
        words = [f"--set={setting}" for setting in ("method=label_smoothing", *settings)]
        command = [sys.executable, "-c", TRAIN, "train", "experiment.toml", "--run", "run", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    refused = ltw("label_smoothing.epsilon=1")
    assert refused.returncode == 2
    assert "label_smoothing.epsilon = 1" in " ".join(refused.stderr.split())
    done = ltw("label_smoothing.epsilon=0.99")
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in log if line["kind"] == "step"]
    assert len(losses) == 2
    assert min(losses) > 0.69  # labels of about a half: never below ln 2, which plain ERM soon is
