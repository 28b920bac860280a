"""Means over seeds and benchmarks, with intervals over other test videos and other seeds alike.

One seed: the percentiles of the bootstrap; another seed is not covered, and cannot be. Several: the
runs' mean ± t·s with s² = (variance of that mean over the draws of the test) + (variance between
seeds) / (number of seeds), and t at the degrees of freedom that Satterthwaite (1946) gives for such
a sum. To draw the seeds anew as well, as the videos are, would be too narrow: of 3 seeds a draw
knows only 3 values (docs/tables.md has the coverage of both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from ltw.metrics.bootstrap import CONFIDENCE, percentile_interval
from ltw.metrics.ranking import Array


@dataclass(frozen=True)
class Sample:
    """One quantity, measured by one run a seed, all on the same test.

    ``replicates`` are what the runs measure on draws of the test, the same draws for all; None
    where there is nothing to draw from. ``units`` is the draws' ``fewest``; None: as many as one
    likes.
    """

    seeds: tuple[int, ...]
    values: Array  # (S,)
    replicates: Array | None  # (S, R)
    units: int | None = None

    def minus(self, other: Sample) -> Sample:
        """Return the difference, seed by seed and draw by draw, over the seeds that both have."""
        seeds = tuple(seed for seed in self.seeds if seed in other.seeds)
        own, others = ([s.seeds.index(seed) for seed in seeds] for s in (self, other))
        drawn = None
        if self.replicates is not None and other.replicates is not None:
            drawn = self.replicates[own] - other.replicates[others]
        units = _fewest([self, other])
        return Sample(seeds, self.values[own] - other.values[others], drawn, units)


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95% interval (None where there is none) and how many seeds it is of."""

    value: float
    low: float | None
    high: float | None
    seeds: tuple[int, int]
    """The fewest and the most, where it is the mean over several benchmarks."""


def estimate(
    samples: Sequence[Sample], limits: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return the mean over ``samples``, one a benchmark, of their means over seeds.

    Benchmarks may share their test people or videos, which are drawn together, and a training: what
    runs of one seed have in common must not count as independent. With the same seeds everywhere
    the variance between seeds is that of each seed's mean over the benchmarks. With different ones
    it is the largest there can be, as if the benchmarks rose and fell together; a benchmark of one
    seed then varies as the others do on average. ``limits`` are the values there can be.
    """
    value = float(np.mean([sample.values.mean() for sample in samples]))
    counts = [len(sample.seeds) for sample in samples]
    seeds = min(counts), max(counts)
    drawn = _drawn_mean(samples)
    if drawn is None:
        return Estimate(value, None, None, seeds)
    units = _fewest(samples)
    if seeds[1] == 1:
        return Estimate(value, *percentile_interval(drawn, units), seeds)
    parts = [_between_seeds(samples)]
    over_draws = float(drawn.var(ddof=1))
    if units is None:
        parts.append((over_draws, np.inf))
    else:
        parts.append((over_draws * units / (units - 1), units - 1))
    half = _half_width(parts)
    low, high = np.clip([value - half, value + half], *limits)
    return Estimate(value, float(low), float(high), seeds)


def _fewest(samples: Sequence[Sample]) -> int | None:
    return min((s.units for s in samples if s.units is not None), default=None)


def _drawn_mean(samples: Sequence[Sample]) -> Array | None:
    """Return the mean over seeds, then benchmarks, on every draw (R,)."""
    drawn = [s.replicates.mean(axis=0) for s in samples if s.replicates is not None]
    return np.mean(drawn, axis=0) if len(drawn) == len(samples) else None


def _between_seeds(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return the variance of the mean that is between seeds, with its degrees of freedom."""
    if len({sample.seeds for sample in samples}) == 1:
        by_seed = np.mean([sample.values for sample in samples], axis=0)
        return float(by_seed.var(ddof=1)) / len(by_seed), len(by_seed) - 1
    several = [sample for sample in samples if len(sample.seeds) > 1]
    usual = np.mean([sample.values.var(ddof=1) for sample in several])
    variances = [s.values.var(ddof=1) if len(s.seeds) > 1 else usual for s in samples]
    deviations = [np.sqrt(v / len(s.seeds)) for v, s in zip(variances, samples, strict=True)]
    return float(np.mean(deviations)) ** 2, min(len(s.seeds) for s in several) - 1


def _half_width(parts: Sequence[tuple[float, float]]) -> float:
    """Return t·s of a sum of variances, each with its degrees of freedom."""
    variance = sum(part for part, _ in parts)
    uncertain = sum(part**2 / freedom for part, freedom in parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / uncertain if uncertain else np.inf
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance))
