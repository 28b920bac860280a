"""Metrics on draws of videos, and means over seeds, against slow code that repeats the rows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.metrics import log_loss, roc_auc_score

from ltw import metrics
from ltw.bench.estimates import Sample, estimate
from ltw.bench.resampling import Scores, draw_videos


def some_faces(ties, videos=7, dataset="toy", forgery="swap", seed=0):
    """Videos of one to five frames, of both classes, shuffled."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, domain in enumerate(("real", forgery)):
        for v in range(videos + label):
            for p in rng.normal(label - 0.5, 1, rng.integers(1, 6)):
                rows.append(
                    (dataset, domain, label, f"{dataset}/{domain}/{v}", 1 / (1 + np.exp(-p)))
                )
    faces = pd.DataFrame(rows, columns=["dataset", "domain", "label", "video", "p_fake"])
    if ties:
        faces["p_fake"] = faces["p_fake"].round(1)
    return faces.sample(frac=1, random_state=seed)


def drawn_rows(faces, draw):
    """The rows of the drawn videos, each as often as its video was drawn."""
    names = sorted(faces["video"].unique())
    return pd.concat(
        faces[faces["video"] == name]
        for name, times in zip(names, draw, strict=True)
        for _ in range(int(times))
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("level", ["frame", "video"])
def test_every_draw_is_measured_as_its_rows_would_be(ties, level):
    faces = some_faces(ties)
    draws = draw_videos(faces, replicates=40)
    found = Scores.of(faces, level).replicate(draws)
    for r, draw in enumerate(draws):
        rows = drawn_rows(faces, draw)
        if level == "video":  # each time that a video was drawn it is one sample
            means = faces.groupby("video")[["label", "p_fake"]].mean()
            names = [
                n for n, k in zip(sorted(means.index), draw, strict=True) for _ in range(int(k))
            ]
            rows = means.loc[names]
        y, p = rows["label"].to_numpy(), rows["p_fake"].to_numpy()
        assert found["auc"][r] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
        assert found["acc"][r] == pytest.approx(np.mean((p > 0.5) == y), abs=1e-12)
        assert found["log_loss"][r] == pytest.approx(log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)))
        assert found["eer"][r] == pytest.approx(metrics.eer(y, p), abs=1e-12)


def test_the_eer_of_many_samples_is_found_in_its_block():
    faces = some_faces(False, videos=120)
    draws = draw_videos(faces, replicates=5)
    found = Scores.of(faces, "frame").replicate(draws)["eer"]
    slow = [
        metrics.eer(*drawn_rows(faces, draw)[["label", "p_fake"]].T.to_numpy()) for draw in draws
    ]
    assert found == pytest.approx(slow, abs=1e-12)


def test_a_draw_is_of_each_class_as_many_videos_as_there_are():
    faces = some_faces(False)
    draws = draw_videos(faces, replicates=2000)
    fake = np.array(["swap" in name for name in sorted(faces["video"].unique())])
    assert (draws[:, fake].sum(axis=1) == 8).all()
    assert (draws[:, ~fake].sum(axis=1) == 7).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(15), abs=0.1)


def test_tests_that_share_videos_share_their_draws():
    first, second = some_faces(False), some_faces(False, forgery="warp", videos=7, seed=3)
    a, b = draw_videos(first, replicates=50), draw_videos(second, replicates=50)
    assert (a[:, :7] == b[:, :7]).all()  # real sorts before either forgery
    assert (a[:, 7:] != b[:, 7:]).any()
    other = draw_videos(some_faces(False, dataset="tox"), replicates=50)
    assert (other != a).any()


def test_one_seed_has_the_percentiles_of_its_draws():
    draws = np.arange(1001.0)[None]
    found = estimate([Sample((0,), np.array([500.0]), draws)])
    assert (found.value, found.low, found.high) == pytest.approx((500, 25, 975))
    assert found.seeds == (1, 1)


def test_several_seeds_add_their_variance_to_that_over_videos():
    """By hand: three seeds 0.7, 0.8, 0.9 have variance 0.01; their mean on draws is 0.8 ± 0.02."""
    drawn = np.array([[0.68, 0.72], [0.78, 0.82], [0.88, 0.92]])
    found = estimate([Sample((0, 1, 2), np.array([0.7, 0.8, 0.9]), drawn)], (0, 1))
    seeds, videos = 0.01 / 3, 0.0008
    freedom = (seeds + videos) ** 2 / (seeds**2 / 2)
    half = t.ppf(0.975, freedom) * np.sqrt(seeds + videos)
    assert found.value == pytest.approx(0.8)
    assert found.low == pytest.approx(0.8 - half)
    assert found.high == 1.0  # 0.8 + half is more than an AUC can be
    assert found.seeds == (3, 3)


def test_a_mean_over_benchmarks_adds_the_seeds_variances_and_draws_shared_videos_together():
    drawn = np.array([[0.1, -0.1], [0.1, -0.1]])
    first = Sample((0, 1), np.array([0.0, 0.2]), drawn)
    opposite = Sample((0, 1), np.array([0.4, 0.4]), -drawn)
    found = estimate([first, opposite])
    # the draws cancel; between seeds 0.02 / 2 seeds / 2² benchmarks, known from two runs
    assert found.value == pytest.approx(0.25)
    assert found.high - found.value == pytest.approx(t.ppf(0.975, 1) * np.sqrt(0.02 / 2 / 4))


def test_a_difference_is_taken_seed_by_seed_and_draw_by_draw():
    one = Sample((0, 1, 2), np.array([1.0, 2, 3]), np.array([[1.0, 2], [3, 4], [5, 6]]))
    other = Sample((2, 5, 0), np.array([10.0, 20, 30]), np.array([[1.0, 1], [9, 9], [2, 2]]))
    found = one.minus(other)
    assert found.seeds == (0, 2)
    assert found.values.tolist() == [-29, -7]
    assert found.replicates.tolist() == [[-1, 0], [4, 5]]


def test_nothing_to_draw_from_is_no_interval():
    found = estimate([Sample((0, 1), np.array([0.5, 0.7]), None)])
    assert (found.value, found.low, found.high) == (pytest.approx(0.6), None, None)


@pytest.mark.parametrize("between_seeds", [0.0, 0.03, 0.1])
def test_the_interval_of_three_seeds_covers_the_truth_about_as_often_as_it_says(between_seeds):
    """400 made-up studies of 60 videos: 95% ± 3 standard errors, and a little for few seeds."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        videos, seeds = rng.normal(0, 0.3, 60), rng.normal(0, between_seeds, (3, 1))
        scores = videos + seeds + rng.normal(0, 0.1, (3, 60))
        draws = rng.multinomial(60, np.full(60, 1 / 60), 200) / 60
        found = estimate([Sample((0, 1, 2), scores.mean(axis=1), scores @ draws.T)])
        covered += found.low <= 0 <= found.high
    assert 0.91 < covered / 400 < 0.985
