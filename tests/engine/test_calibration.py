"""Temperature and thresholds, against searches that try everything."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from ltw import metrics
from ltw.engine.calibration import (
    band,
    calibrate,
    choose_miss_threshold,
    choose_threshold,
    fit_temperature,
    probabilities,
)


def overconfident(n=400, factor=4.0, seed=0):
    """Labels drawn from the logits' own probabilities; the logits then stretched."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, n)
    return (rng.random(n) < expit(logits)).astype(int), factor * logits


def log_loss(y, logits, temperature):
    return np.mean(np.log1p(np.exp(np.where(y == 1, -logits, logits) / temperature)))


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_temperature_is_the_best_of_a_fine_grid(factor):
    y, logits = overconfident(factor=factor)
    grid = np.geomspace(0.05, 50, 20_001)
    losses = [log_loss(y, logits, t) for t in grid]
    found = fit_temperature(y, logits)
    assert found == pytest.approx(grid[np.argmin(losses)], rel=1e-3)
    assert log_loss(y, logits, found) <= min(losses) + 1e-12


def test_temperature_undoes_a_stretch():
    y, logits = overconfident(n=20_000, factor=4.0)
    assert fit_temperature(y, logits) == pytest.approx(4.0, rel=0.05)


def test_faces_that_determine_no_temperature_give_none():
    y = np.array([0, 0, 1, 1])
    assert fit_temperature(y, np.array([-3.0, -0.1, 0.1, 5.0])) is None  # T would go to 0
    assert fit_temperature(y, np.array([3.0, 0.1, -0.1, -5.0])) is None  # and here to infinity
    table = pd.DataFrame({"label": y, "logit": [-3.0, -0.1, 0.1, 5.0], "video": list("abcd")})
    release = calibrate(table, 0.05)
    assert release["temperature"] == 1.0
    assert not release["calibration"]["determined"]
    assert release["calibration"]["before"] == release["calibration"]["after"]


@pytest.mark.parametrize("reals", [1, 7, 20, 60, 999])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.29, 0.5])
def test_threshold_keeps_to_its_rate_and_lets_through_as_much_as_it_may(reals, rate):
    rng = np.random.default_rng(reals)
    y = np.r_[np.zeros(reals), np.ones(50)]
    p = np.r_[rng.beta(2, 4, reals), rng.beta(4, 2, 50)].round(2)  # many are equal
    threshold = choose_threshold(y, p, rate)

    def false_positives(t):
        return np.sum(p[y == 0] >= t)

    assert false_positives(threshold) <= rate * reals + 1e-9
    below = p[p < threshold].max()
    assert false_positives(below) > rate * reals  # any lower one lets more through
    assert not np.any(np.abs(p - threshold) < 1e-3)


@pytest.mark.parametrize("fakes", [1, 7, 20, 60, 999])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.29, 0.5])
def test_miss_threshold_keeps_to_its_rate_and_clears_as_much_as_it_may(fakes, rate):
    rng = np.random.default_rng(fakes)
    y = np.r_[np.zeros(50), np.ones(fakes)]
    p = np.r_[rng.beta(2, 4, 50), rng.beta(4, 2, fakes)].round(2)
    threshold = choose_miss_threshold(y, p, rate)

    def misses(t):
        return np.sum(p[y == 1] < t)

    assert misses(threshold) <= rate * fakes + 1e-9
    assert misses(np.nextafter(p[p > threshold].min(), 2)) > rate * fakes
    assert not np.any(np.abs(p - threshold) < 1e-3)


@pytest.mark.parametrize("apart", [0.0, 1.0, 10.0])
@pytest.mark.parametrize(("alarms", "misses"), [(0.05, 0.05), (0.01, 0.2)])
def test_neither_error_of_the_band_exceeds_what_was_asked(apart, alarms, misses):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 200)
    p = expit(rng.normal(0, 1.5, 400) + apart * (y - 0.5))
    low, high = band(y, p, alarms, misses)
    assert 0 <= low <= high <= 1
    assert np.mean(p[y == 0] >= high) <= alarms
    assert np.mean(p[y == 1] < low) <= misses
    if (
        apart == 10.0
    ):  # far apart: what lies between the classes is left open, and nearly nothing is
        assert np.mean((p >= low) & (p < high)) < alarms + misses
        assert low < 0.5 < high


def test_scores_of_zero_leave_nothing_to_clear():
    assert choose_miss_threshold(np.array([0, 1, 1]), np.array([0.1, 0.0, 0.9]), 0.05) == 0.0


def test_threshold_above_every_score_stays_below_one():
    y, p = np.array([0, 0, 1]), np.array([0.2, 0.9, 0.5])
    assert choose_threshold(y, p, 0.05) == pytest.approx(0.95)
    assert choose_threshold(y, np.array([0.2, 1.0, 0.5]), 0.05) == 1.0


def test_what_a_release_says_is_what_its_faces_say():
    y, logits = overconfident()
    video = [f"{label}/{i // 4}" for i, label in enumerate(np.sort(y))]
    order = np.argsort(y, kind="stable")
    faces = pd.DataFrame({"label": y[order], "logit": logits[order], "video": video})
    release = calibrate(faces, 0.1)
    p = expit(faces["logit"] / release["temperature"]).astype(np.float32)
    for level, scored in (
        ("face", faces.assign(p=p)),
        ("video", faces.assign(p=p).groupby("video", as_index=False)[["label", "p"]].mean()),
    ):
        told = release["verdicts"][level]
        key = "threshold" if level == "face" else "video_threshold"
        assert told["threshold"] == release[key]
        for name, at in (("at_threshold", release[key]), ("at_half", 0.5)):
            called = scored["p"] >= at
            for rate, label in (("false_positive_rate", 0), ("true_positive_rate", 1)):
                assert told[name][rate] == pytest.approx(called[scored["label"] == label].mean())
        assert told["reals"] == (scored["label"] == 0).sum()
        assert told["at_threshold"]["false_positive_rate"] <= 0.1
        low, high = release["band"][level]
        assert low <= release[key] <= high
        for name, label in (("reals", 0), ("fakes", 1)):
            own = scored.loc[scored["label"] == label, "p"]
            assert told["in_band"][name] == pytest.approx(
                {
                    "fake": (own >= high).mean(),
                    "unclear": ((own >= low) & (own < high)).mean(),
                    "real": (own < low).mean(),
                }
            )
    calibration = release["calibration"]
    assert calibration["share_fake"] == y.mean()
    for when, t in (("before", 1.0), ("after", release["temperature"])):
        expected = log_loss(faces["label"], faces["logit"], t)
        assert calibration[when]["log_loss"] == pytest.approx(expected, rel=1e-5)
        bins = calibration[when]["reliability"]
        assert sum(b["faces"] for b in bins) == len(faces)
        assert all(b["low"] - 1e-6 <= b["mean_p_fake"] <= b["high"] + 1e-6 for b in bins)
    before, after = (
        calibration[when]["expected_calibration_error"] for when in ("before", "after")
    )
    assert after < before / 2


def test_probabilities_are_single_precision_as_scoring_gives_them():
    assert probabilities(np.array([40.0]), 1.0)[0] == 1.0
    p = probabilities(np.array([0.3, -2.0]), 2.0)
    assert_allclose(p, 1 / (1 + np.exp([-0.15, 1.0])), rtol=1e-6)
    assert np.all(p == p.astype(np.float32))


def test_calibration_leaves_auc_and_accuracy_as_they_are():
    y, logits = overconfident()
    raw, p = (probabilities(logits, t) for t in (1.0, 3.7))
    assert metrics.auc(y, raw) == pytest.approx(metrics.auc(y, p), abs=1e-6)
    assert metrics.accuracy(y, raw) == metrics.accuracy(y, p)
