"""Means over seeds with intervals that speak of other test videos and of other seeds alike.

One seed: the percentiles of the bootstrap over videos; another seed is not covered, and cannot be.
Several: the runs' mean ± t·s with s² = (variance of that mean over the draws of videos) + (variance
between seeds) / (number of seeds), and t at the degrees of freedom that Satterthwaite (1946) gives
for such a sum. To draw the seeds anew as well, as the videos are, would be too narrow: of 3 seeds a
draw knows only 3 values (docs/tables.md has the coverage of both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Array = NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class Sample:
    """One quantity, measured by one run a seed, all on the same test videos.

    ``replicates`` are what the runs measure on draws of these videos, the same draws for all; None
    where there is nothing to draw from.
    """

    seeds: tuple[int, ...]
    values: Array  # (S,)
    replicates: Array | None  # (S, R)

    def minus(self, other: Sample) -> Sample:
        """Return the difference, seed by seed and draw by draw, over the seeds that both have."""
        seeds = tuple(seed for seed in self.seeds if seed in other.seeds)
        own, others = ([s.seeds.index(seed) for seed in seeds] for s in (self, other))
        drawn = None
        if self.replicates is not None and other.replicates is not None:
            drawn = self.replicates[own] - other.replicates[others]
        return Sample(seeds, self.values[own] - other.values[others], drawn)


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

    Runs of different benchmarks are different trainings, so the variances between their seeds add
    up; test videos that they share are drawn together. ``limits`` are the values there can be.
    """
    value = float(np.mean([sample.values.mean() for sample in samples]))
    counts = [len(sample.seeds) for sample in samples]
    drawn = _drawn_mean(samples)
    if drawn is None:
        return Estimate(value, None, None, (min(counts), max(counts)))
    between = [
        (sample.values.var(ddof=1) / len(sample.seeds) / len(samples) ** 2, len(sample.seeds) - 1)
        for sample in samples
        if len(sample.seeds) > 1
    ]
    if not between:
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    else:
        half = _half_width(float(drawn.var(ddof=1)), between)
        low, high = np.clip([value - half, value + half], *limits)
    return Estimate(value, float(low), float(high), (min(counts), max(counts)))


def _drawn_mean(samples: Sequence[Sample]) -> Array | None:
    """Return the mean over seeds, then benchmarks, on every draw (R,)."""
    drawn = [s.replicates.mean(axis=0) for s in samples if s.replicates is not None]
    return np.mean(drawn, axis=0) if len(drawn) == len(samples) else None


def _half_width(over_videos: float, between_seeds: Sequence[tuple[float, int]]) -> float:
    """Return t·s; ``between_seeds`` are variances of means with their degrees of freedom."""
    variance = over_videos + sum(part for part, _ in between_seeds)
    uncertain = sum(part**2 / freedom for part, freedom in between_seeds)
    if variance == 0:
        return 0.0
    freedom = variance**2 / uncertain if uncertain else np.inf
    return float(t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance))
