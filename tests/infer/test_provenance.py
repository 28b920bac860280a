"""A detector says on what it was trained, and a toy that it is one."""

import json
from dataclasses import replace

import pytest

from ltw import Detector
from ltw.errors import DataError
from ltw.infer.provenance import Measured, Provenance, summarise

RELEASE = {
    "method": "ltw",
    "sources": ["a_swap", "b_swap"],
    "people": ["rendered"],
    "date": "2026-11-28",
    "version": "0.1.0",
    "data": [
        {"dataset": "ff", "domain": "real", "split": "train", "videos": 20},
        {"dataset": "ff", "domain": "a_swap", "split": "train", "videos": 21},
        {"dataset": "ff", "domain": "a_swap", "split": "val", "videos": 900},
    ],
}
UNSEEN = Measured("c_swap", "ff", seen=False, videos=8, auc=0.8123, low=0.5, high=0.97)


def test_it_says_data_people_method_and_date():
    told = Provenance.read(RELEASE, "0123456789abcdef")
    assert told.id == "0123456789ab"
    assert told.trained == (
        "Trained by ltw on 2026-11-28 with 41 videos of rendered people (computer graphics, nobody "
        "real) (data: ff), genuine or forged by a_swap and b_swap."
    )


def test_a_demo_is_one_that_has_seen_rendered_people_alone():
    told = Provenance.read(RELEASE, "")
    assert told.demo
    assert "this is a demo" in next(told.warnings())
    mixed = replace(told, people=("filmed", "rendered"))
    assert not mixed.demo
    assert not any("demo" in warning for warning in mixed.warnings())


def test_it_says_whether_it_was_measured_on_what_it_had_not_seen():
    told = Provenance.read(RELEASE, "")
    assert "No measurement" in told.tested
    assert any("no measurement" in warning for warning in told.warnings())
    seen = replace(told, measured=(replace(UNSEEN, seen=True),))
    assert any("no forgery but those" in warning for warning in seen.warnings())
    both = replace(told, measured=(replace(UNSEEN, forgery="a_swap", seen=True), UNSEEN))
    assert both.tested == (
        "Measured on forgeries it was not trained on: c_swap of ff, AUC 0.81 [0.50, 0.97] on "
        "8 videos."
    )


def test_old_releases_say_that_they_do_not_know():
    told = Provenance.read({}, "")
    assert told.trained == "The detector does not say on what it was trained."
    assert not told.demo


def test_a_run_is_told_with_its_own_measurements(released, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "detector").symlink_to(released)
    assert not Detector.load(run).settings.provenance.measured
    auc = {"value": 0.8123, "low": 0.5, "high": 0.97}
    domains = {"c_swap": {"domain": "c_swap", "dataset": "ff", "videos": 8, "video": {"auc": auc}}}
    (run / "metrics.json").write_text(json.dumps({"domains": domains}))
    assert summarise(domains, ["a_swap"]) == [vars(UNSEEN)]
    assert Detector.load(run).settings.provenance.measured == (UNSEEN,)
    (run / "metrics.json").write_text("{")
    with pytest.raises(DataError, match=r"metrics\.json: damaged"):
        Detector.load(run)
