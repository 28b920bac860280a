"""The metrics against scikit-learn, hand-worked cases and explicitly resampled data."""

import tracemalloc

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
    assert tuple(f(y, p) for f in singles) == pytest.approx(tuple(ours.values()))


# where the ROC is one step, interp1d has two values at one x and brentq no unique answer
STEEP = {"perfect": 0.0, "reversed": 1.0}


def test_eer_lies_between_vertices():
    # vertices (1/4, 0), (1/4, 2/4), (1/4, 3/4): the last one lies on FPR = 1 - TPR
    assert metrics.eer([0, 0, 0, 0, 1, 1, 1, 1], [0.9, 0.1, 0.1, 0.1, 0.8, 0.8, 0.2, 0.05]) == 0.25
    # vertices (0, 1/2) and, by a tie, (1/3, 1); t/3 + 1/2 + t/2 = 1 at t = 3/5, so FPR = 1/5
    assert metrics.eer([1, 1, 0, 0, 0], [0.9, 0.5, 0.5, 0.1, 0.1]) == pytest.approx(1 / 5)
    # all tied: the diagonal
    assert metrics.eer([0, 1, 1], [0.4, 0.4, 0.4]) == pytest.approx(0.5)


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


def clips(seed: int = 1, n_videos: int = 30, tied: bool = False):
    """Videos of 1 to 9 frames with a shared tendency, so that frames of a video are correlated."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(n_videos), rng.integers(1, 10, n_videos))
    y = video % 3 != 0
    p = 1 / (1 + np.exp(-(rng.normal(size=n_videos)[video] + 0.3 * rng.normal(size=len(y)) + y)))
    shuffle = rng.permutation(len(y))
    p = np.round(p, 1) if tied else p
    return y[shuffle], p[shuffle], np.char.add("v", video.astype(str))[shuffle]


@pytest.mark.parametrize("tied", [False, True])
def test_replicates_equal_metrics_of_explicitly_resampled_data(tied, monkeypatch):
    y, p, videos = clips(tied=tied)
    monkeypatch.setattr(metrics, "_CHUNK", 3 * len(y))  # 7 replicates in chunks of 3
    got = metrics.resample(y, p, videos, replicates=7, seed=5)
    names, v, scores = metrics.video_scores(y, p, videos)
    draws = np.concatenate(list(metrics._draws(v.astype(float), 7, 5, chunk=100)))
    for r, times in enumerate(draws.astype(int)):
        assert (times[v == 0].sum(), times[v == 1].sum()) == ((v == 0).sum(), (v == 1).sum())
        rows = [
            i
            for n, k in zip(names, times, strict=True)
            for i in np.flatnonzero(videos == n).tolist() * k
        ]
        frame = metrics.evaluate(y[rows], p[rows])
        video = metrics.evaluate(np.repeat(v, times), np.repeat(scores, times))
        assert {k: a[r] for k, a in got["frame"].items()} == pytest.approx(frame, abs=1e-12)
        assert {k: a[r] for k, a in got["video"].items()} == pytest.approx(video, abs=1e-12)


def test_intervals_are_deterministic_and_hold_the_estimate():
    y, p, videos = clips()
    intervals = metrics.bootstrap(y, p, videos, replicates=300, seed=3)
    assert intervals == metrics.bootstrap(y, p, videos, replicates=300, seed=3)
    assert intervals != metrics.bootstrap(y, p, videos, replicates=300, seed=4)
    for name, value in metrics.evaluate(y, p).items():
        low, high = intervals["frame"][name]
        assert low < value < high
    narrow = metrics.bootstrap(y, p, videos, replicates=300, seed=3, level=0.5)
    assert narrow["frame"]["auc"][0] > intervals["frame"]["auc"][0]


def test_copies_of_a_frame_add_no_confidence():
    y, p, videos = clips()
    once = metrics.bootstrap(y, p, videos, replicates=200)
    tenfold = metrics.bootstrap(np.tile(y, 10), np.tile(p, 10), np.tile(videos, 10), replicates=200)
    for at in ("frame", "video"):
        for name in metrics.METRICS:
            assert tenfold[at][name] == pytest.approx(once[at][name], abs=1e-9)


def test_coverage_of_the_interval():
    """About 95 of 100 worlds' intervals hold the true AUC; resampling frames would not."""
    rng = np.random.default_rng(0)
    truth = 0.7602  # P(N(1, 2) > N(0, 2)) = Phi(1 / sqrt 2) with unit-variance video scores
    y = np.repeat(np.arange(120) % 2, 5)
    videos = np.repeat(np.arange(120), 5)
    hits = 0
    for world in range(100):
        logits = np.repeat(rng.normal(size=120), 5) + y
        p = 1 / (1 + np.exp(-logits))
        low, high = metrics.bootstrap(y, p, videos, replicates=200, seed=world)["frame"]["auc"]
        hits += low <= truth <= high
    assert 88 <= hits <= 99


def test_paired_difference():
    y, p, videos = clips(n_videos=90)
    better = np.clip(p + 0.08 * (2 * y - 1), 0, 1)
    difference = metrics.bootstrap_difference(y, p, better, videos, replicates=300)
    assert difference["frame"]["auc"][0] > 0  # although the two separate intervals overlap
    apart = [metrics.bootstrap(y, q, videos, replicates=300)["frame"]["auc"] for q in (p, better)]
    assert apart[0][1] > apart[1][0]
    same = metrics.bootstrap_difference(y, p, p, videos, replicates=50)
    assert same["video"]["log_loss"] == (0, 0)


def test_one_video_of_a_class_has_no_interval():
    with pytest.raises(DataError, match="at least 2 real videos are needed, found 1"):
        metrics.bootstrap([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], ["a", "a", "b", "c"])


def test_bootstrap_memory_does_not_grow_with_replicates():
    y, p, videos = clips(n_videos=400)
    peaks = []
    for replicates in (500, 2000):
        tracemalloc.start()
        metrics.bootstrap(y, p, videos, replicates=replicates)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 2**20


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
