"""Means over seeds and benchmarks: by hand, and how often their intervals hold the truth."""

import numpy as np
import pytest
from scipy.stats import t

from ltw.metrics import Sample, estimate


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


def test_a_training_that_benchmarks_share_is_not_counted_as_many():
    """By hand: the seeds' means over the benchmarks are 0.1 and 0.3, whatever each alone says."""
    drawn = np.array([[0.1, 0.1], [0.3, 0.3]])
    both = [Sample((0, 1), np.array([0.1, 0.3]), drawn) for _ in range(4)]
    found = estimate(both)
    assert found.high - found.value == pytest.approx(t.ppf(0.975, 1) * np.sqrt(0.02 / 2))
    # other seeds in one of them: as if all rose and fell together
    both[3] = Sample((5, 6), np.array([0.1, 0.3]), drawn)
    assert estimate(both).high - found.value == pytest.approx(found.high - found.value)
    # of one seed, where the others have several: it varies as they do
    both[3] = Sample((5,), np.array([0.2]), drawn[:1])
    half = t.ppf(0.975, 1) * (3 * np.sqrt(0.02 / 2) + np.sqrt(0.02)) / 4
    assert estimate(both).high - estimate(both).value == pytest.approx(half)


def test_few_units_make_the_draws_uncertain_too():
    """By hand: 5 units, whose variance is multiplied by 5/4 and known from 4 degrees of freedom."""
    drawn = np.array([[0.1, 0.3], [0.2, 0.4]])
    found = estimate([Sample((0, 1), np.array([0.2, 0.4]), drawn, units=5)])
    seeds, draws = 0.02 / 2, 0.02 * 5 / 4
    freedom = (seeds + draws) ** 2 / (seeds**2 + draws**2 / 4)
    assert found.high - found.value == pytest.approx(t.ppf(0.975, freedom) * np.sqrt(seeds + draws))


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_the_mean_over_benchmarks_of_one_training_covers_the_truth(correlation):
    """400 studies of 4 benchmarks and 3 seeds; independent variances covered 0.84 and 0.74."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        common, own = rng.normal(size=3), rng.normal(size=(4, 3))
        values = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
        tests = 0.1 * rng.normal(size=(4, 1))
        draws = tests[:, :, None] + values[:, :, None] + 0.1 * rng.normal(size=(4, 1, 100))
        found = estimate(
            [Sample((0, 1, 2), v, d) for v, d in zip(values + tests, draws, strict=True)]
        )
        covered += found.low <= 0 <= found.high
    assert 0.92 < covered / 400 < 0.98
