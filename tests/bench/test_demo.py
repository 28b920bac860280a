"""The whole path, and a comparison's way through cut-off and finished runs."""

import json
import math

import pandas as pd
import pytest
from toy_store import FORGERIES

from ltw.bench import demo, rotation
from ltw.bench.rotation import run_method, write_results
from ltw.config import DetectorConfig
from ltw.data.store import Store
from ltw.data.store_check import store_check
from ltw.engine.run import read_run_config
from ltw.errors import ConfigError, LTWError

METRICS = {"acc", "log_loss", "auc", "eer"}
METHODS = ("alltrain", "ltw")


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
    assert results["methods"].keys() == set(METHODS)
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


def test_two_methods_to_results(make_config, tmp_path):
    config = make_config(epochs=1)
    for method in METHODS:
        run_method(config, method, tmp_path)
    results = write_results(config, METHODS, tmp_path, title="A <title>", seconds=1.5)
    assert results == json.loads((tmp_path / "results.json").read_text())
    assert (results["target"], results["sources"]) == (FORGERIES[3], list(FORGERIES[:3]))
    assert results["seconds"] == 1.5
    assert "A &lt;title&gt;" in (tmp_path / "report.html").read_text()
    tested = [pd.read_parquet(tmp_path / "runs" / m / "predictions.parquet") for m in METHODS]
    assert tested[0]["index"].tolist() == tested[1]["index"].tolist()
    assert set(tested[0]["domain"]) == {"real", *FORGERIES}
    for method in METHODS:
        assert read_run_config(tmp_path / "runs" / method).method == method
        measured = json.loads((tmp_path / "runs" / method / "metrics.json").read_text())
        expected = measured["domains"][FORGERIES[3]]["video"]["auc"]["value"]
        assert results["methods"][method]["video"]["auc"] == expected


def test_a_finished_run_is_kept_and_a_cut_off_one_goes_on(make_config, tmp_path, monkeypatch):
    config = make_config(epochs=1)

    def cut_off(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "evaluate_run", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run_method(config, "ltw", tmp_path)
    run = tmp_path / "runs/ltw"
    assert not (run / "metrics.json").exists()
    run_method(config, "ltw", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert run / "metrics.json" in before
    run_method(config, "ltw", tmp_path)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_finished_run_of_another_config_is_not_passed_off_as_this_one(make_config, tmp_path):
    run_method(make_config(epochs=1), "alltrain", tmp_path)
    with pytest.raises(ConfigError, match="other values of seed"):
        run_method(make_config(epochs=1, seed=1), "alltrain", tmp_path)


def test_a_rotation_needs_a_target(make_config, tmp_path):
    config = make_config(target=None, epochs=1)
    with pytest.raises(ConfigError, match="target is missing"):
        run_method(config, "alltrain", tmp_path)
    assert not (tmp_path / "runs").exists()
