"""The whole path on rendered people."""

import json
import math

import pytest

from ltw import demo
from ltw.config import DetectorConfig
from ltw.data.checks.store_check import store_check
from ltw.data.store import Store
from ltw.errors import LTWError

METRICS = {"acc", "log_loss", "auc", "eer"}


def small(config):
    training = config.training.model_copy(
        update={"epochs": 1, "steps_per_epoch": 2, "batch_size": 6, "workers": 0, "threads": 1}
    )
    detector = DetectorConfig(backbone="test_efficientnet", pretrained=False, image_size=32)
    return config.model_copy(update={"training": training, "detector": detector})


@pytest.mark.slow
def test_demo_goes_the_whole_way_and_again(tmp_path, monkeypatch):
    """Rendered people, real detector, both methods, report: six people, two steps."""
    config_of = demo.demo_config
    monkeypatch.setattr(demo, "PEOPLE", 6)
    monkeypatch.setattr(demo, "FRAMES", 2)
    monkeypatch.setattr(demo, "demo_config", lambda store, seed: small(config_of(store, seed)))
    results = demo.run_demo(tmp_path / "demo")

    assert store_check(tmp_path / "demo/store").problems == []
    faces = Store(tmp_path / "demo/store").records
    assert faces["video"].nunique() == 6 * 5  # a genuine video and four forgeries a person
    assert results == json.loads((tmp_path / "demo/results.json").read_text())
    assert results["target"] == demo.TARGET
    assert results["target"] not in results["sources"]
    assert len(results["sources"]) == 3
    assert results["seconds"] > 0
    assert results["methods"].keys() == set(demo.DEMO_METHODS)
    for values in results["methods"].values():
        for level in ("frame", "video"):
            assert values[level].keys() == METRICS
            assert all(map(math.isfinite, values[level].values()))
        assert values["domains"].keys() == {demo.TARGET, *results["sources"]}
    page = (tmp_path / "demo/report.html").read_text()
    assert "<svg" in page
    assert 'src="http' not in page
    assert (tmp_path / "demo/comparison.png").read_bytes().startswith(b"\x89PNG")

    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo/corpus").rglob("*.mp4")}
    again = demo.run_demo(tmp_path / "demo")
    assert again["methods"] == results["methods"]
    assert {path: path.stat().st_mtime_ns for path in files} == files

    with pytest.raises(LTWError, match="seed"):
        demo.run_demo(tmp_path / "demo", seed=1)


def test_demo_config_never_trains_on_its_target(tmp_path):
    config = demo.demo_config(tmp_path, 7)
    assert config.seed == 7
    assert config.target == demo.TARGET
    assert set(config.sources) == set(demo.DEFAULT_FORGERIES) - {demo.TARGET}
