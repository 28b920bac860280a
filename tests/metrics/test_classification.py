"""The metrics against scikit-learn and hand-worked cases."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from ltw import metrics
from ltw.errors import DataError


def sample(kind: str, n: int = 400, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + y)))
    if kind == "tied":
        p = np.round(p, 1)
    elif kind == "constant":
        p = np.full(n, 0.3)
    elif kind == "perfect":
        p = 0.2 + 0.6 * y
    elif kind == "reversed":
        p = 0.8 - 0.6 * y
    elif kind == "certain":
        p = np.where(rng.random(n) < 0.8, y, 1 - y).astype(float)
    return y, p


KINDS = ("random", "tied", "constant", "perfect", "reversed", "certain")


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_scikit_learn(kind):
    y, p = sample(kind)
    ours = metrics.evaluate(y, p)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    assert ours["acc"] == pytest.approx(sk.accuracy_score(y, p > 0.5), abs=1e-12)
    assert ours["log_loss"] == pytest.approx(sk.log_loss(y, clipped), abs=1e-10)
    assert ours["auc"] == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
    fpr, tpr, thresholds = sk.roc_curve(y, p, drop_intermediate=False)
    eer = (
        brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1) if kind not in STEEP else STEEP[kind]
    )
    assert ours["eer"] == pytest.approx(eer, abs=1e-9)
    for mine, theirs in zip(metrics.roc_curve(y, p), (fpr, tpr, thresholds), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    singles = (metrics.accuracy, metrics.log_loss, metrics.auc, metrics.eer)
    assert tuple(f(y, p) for f in singles) == pytest.approx(
        tuple(ours[name] for name in metrics.METRICS)
    )
    assert ours["average_precision"] == pytest.approx(sk.average_precision_score(y, p), abs=1e-12)
    assert metrics.average_precision(y, p) == ours["average_precision"]
    called = p > 0.5
    assert ours["acc_fake"] == pytest.approx(sk.recall_score(y, called), abs=1e-12)
    assert ours["acc_real"] == pytest.approx(sk.recall_score(y, called, pos_label=0), abs=1e-12)
    for name, rate in (("tpr_at_1fpr", 0.01), ("tpr_at_5fpr", 0.05)):
        assert ours[name] == pytest.approx(tpr[fpr <= rate].max(), abs=1e-12)
        assert metrics.tpr_at_fpr(y, p, rate) == ours[name]
    assert tuple(ours) == metrics.ALL_METRICS


# where the ROC is one step, interp1d has two values at one x and brentq no unique answer
STEEP = {"perfect": 0.0, "reversed": 1.0}


def test_eer_lies_between_vertices():
    # vertices (1/4, 0), (1/4, 2/4), (1/4, 3/4): the last one lies on FPR = 1 - TPR
    assert metrics.eer([0, 0, 0, 0, 1, 1, 1, 1], [0.9, 0.1, 0.1, 0.1, 0.8, 0.8, 0.2, 0.05]) == 0.25
    # vertices (0, 1/2) and, by a tie, (1/3, 1); t/3 + 1/2 + t/2 = 1 at t = 3/5, so FPR = 1/5
    assert metrics.eer([1, 1, 0, 0, 0], [0.9, 0.5, 0.5, 0.1, 0.1]) == pytest.approx(1 / 5)
    # all tied: the diagonal
    assert metrics.eer([0, 1, 1], [0.4, 0.4, 0.4]) == pytest.approx(0.5)


def test_of_few_reals_none_may_be_called_fake_at_a_low_false_positive_rate():
    labels, p = [0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.7, 0.6, 0.7, 0.8, 0.9]
    assert metrics.tpr_at_fpr(labels, p, 0.3) == 0.5  # the fake that ties with a real is not found
    assert metrics.tpr_at_fpr(labels, p, 1 / 3) == 1.0
    assert metrics.tpr_at_fpr([0, 1], [0.9, 0.1], 0.5) == 0.0


def test_sure_scores_keep_their_order_in_float64():
    """Logits of a detector that is sure of itself: as float32 sigmoids nearly all are 1."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    logits = rng.normal(19 + labels, 1).astype(np.float32)
    single, double = (1 / (1 + np.exp(-logits.astype(kind))) for kind in (np.float32, np.float64))
    truth = sk.roc_auc_score(labels, logits)
    assert abs(metrics.auc(labels, single) - truth) > 0.05
    assert metrics.auc(labels, double) == pytest.approx(truth, abs=1e-5)


def test_log_loss_is_clipped_and_natural():
    assert metrics.log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-np.log(1e-7) / 2, rel=1e-6)
    assert metrics.log_loss([1], [np.exp(-1.0)]) == pytest.approx(1.0)


def test_one_half_counts_as_real():
    assert metrics.accuracy([0, 1], [0.5, 0.5]) == 0.5


@pytest.mark.parametrize(
    "function", [metrics.evaluate, metrics.auc, metrics.eer, metrics.roc_curve]
)
def test_one_class_is_named(function):
    with pytest.raises(DataError, match="all 2 samples are fake: add real"):
        function([1, 1], [0.2, 0.4])
    with pytest.raises(DataError, match="all 2 samples are real: add fake"):
        function([0, 0], [0.2, 0.4])


@pytest.mark.parametrize(
    ("labels", "p_fake", "message"),
    [
        ([], [], "empty"),
        ([0, 1], [0.5], r"\(2,\) and \(1,\)"),
        ([0, 2], [0.5, 0.5], "found 2"),
        ([0, float("nan")], [0.5, 0.5], "found nan"),
        ([0, 1], [0.5, float("nan")], r"NaN.*p_fake\[1\]"),
        ([0, 1], [float("inf"), 0.5], r"infinite.*p_fake\[0\]"),
        ([0, 1], [0.5, 1.5], r"outside \[0, 1\].*p_fake\[1\] = 1.5"),
        ([0, 1], [-0.1, 0.5], "outside"),
    ],
)
@pytest.mark.parametrize("function", [metrics.accuracy, metrics.log_loss, metrics.evaluate])
def test_bad_input_has_one_clear_message(function, labels, p_fake, message):
    with pytest.raises(DataError, match=message):
        function(labels, p_fake)


def test_video_score_is_the_mean_of_its_frames():
    names, y, p = metrics.video_scores([1, 0, 1, 0], [0.2, 0.1, 0.8, 0.5], ["b", "a", "b", "c"])
    assert names.tolist() == ["a", "b", "c"]
    assert y.tolist() == [0, 1, 0]
    assert p.tolist() == pytest.approx([0.1, 0.5, 0.5])
    with pytest.raises(DataError, match=r"real and fake frames: v$"):
        metrics.video_scores([1, 0], [0.2, 0.1], ["v", "v"])
    with pytest.raises(DataError, match="one a sample"):
        metrics.video_scores([1, 0], [0.2, 0.1], ["v"])


# Reliability


def test_calibration_error_of_an_example_by_hand():
    """Two bins of two: (0.1, 0.3) one of them fake, (0.6, 0.9) both; one empty."""
    labels, p = [0, 1, 1, 1, 0], [0.1, 0.3, 0.7, 0.9, 1 / 3]
    table = metrics.reliability(labels, p, bins=3)
    assert table.count.tolist() == [3, 0, 2]  # bins are closed above
    assert_allclose(table.mean_p_fake, [(0.1 + 0.3 + 1 / 3) / 3, np.nan, 0.8])
    assert_allclose(table.share_fake, [1 / 3, np.nan, 1.0])
    assert table.error == pytest.approx(3 / 5 * (1 / 3 - (0.1 + 0.3 + 1 / 3) / 3) + 2 / 5 * 0.2)


def test_reliability_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.random(500)
    p[:2] = 0.0, 1.0
    labels = (rng.random(500) < p**2).astype(int)
    table = metrics.reliability(labels, p)
    share, mean = calibration_curve(labels, p, n_bins=15)
    assert_allclose(table.share_fake, share)
    assert_allclose(table.mean_p_fake, mean)
    assert table.count.sum() == 500


def test_certain_and_right_is_calibrated():
    assert metrics.reliability([0, 1, 1], [0.0, 1.0, 1.0]).error == 0
    assert metrics.reliability([1, 0, 0], [0.0, 1.0, 1.0]).error == 1
