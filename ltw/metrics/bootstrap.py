"""Bootstrap: the metrics on draws of a test's videos, and percentile intervals.

The one resampler behind metrics.json, tables, figures and paired differences. What is drawn is
decided by `ltw.metrics.draws.draw`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

from ltw.metrics.classification import (
    ALL_METRICS,
    correct,
    evaluate,
    log_losses,
    ranked_metrics,
    video_of,
    video_scores,
)
from ltw.metrics.draws import Counts, Draws, draw
from ltw.metrics.ranking import Array, Ranking

Interval = tuple[float, float]
Level = Literal["frame", "video"]

LEVELS: tuple[Level, ...] = ("frame", "video")
CONFIDENCE = 0.95
_CHUNK = 500_000  # counts held at once: a few arrays of some megabytes


@dataclass(frozen=True)
class Scores:
    """Scored samples of one test, frames or videos; ``video`` is each one's place in the draws."""

    labels: Array  # (n,) 0 or 1
    p_fake: Array  # (n,)
    video: NDArray[np.intp]  # (n,) in 0 .. V-1

    @classmethod
    def of(cls, faces: pd.DataFrame, level: Level) -> Scores:
        """Take the columns label, p_fake, video of a test; at level ``video`` their means.

        Raises:
            DataError: as `video_scores`.
        """
        labels, p_fake = (faces[name].to_numpy(np.float64) for name in ("label", "p_fake"))
        videos = faces["video"].to_numpy()
        if level == "video":
            names, y, p = video_scores(labels, p_fake, videos)
            return cls(y.astype(float), p, np.arange(len(names)))
        return cls(labels, p_fake, video_of(labels, videos)[1])

    def evaluate(self) -> dict[str, float]:
        """Return `ALL_METRICS` by name; raises as `ltw.metrics.evaluate` does."""
        return evaluate(self.labels, self.p_fake)

    def replicate(self, draws: Draws) -> dict[str, Array]:
        """Return each of `ALL_METRICS` (R,) on every draw.

        A video that was drawn twice counts twice, with all its frames. Time grows with draws times
        samples, memory with samples.
        """
        ranking = Ranking.of(self.labels, self.p_fake, self.video)
        sums = self._sums(draws.counts.shape[1])
        rows = max(1, _CHUNK // len(self.video))
        parts = []
        for start in range(0, len(draws.counts), rows):
            counts = draws.counts[start : start + rows]
            parts.append(_means(counts, sums) | ranked_metrics(ranking.curves(counts)))
        return {name: np.concatenate([part[name] for part in parts]) for name in ALL_METRICS}

    def _sums(self, videos: int) -> Array:
        """Return, by video (V, 6): samples, right ones and their log loss; of reals, of fakes."""
        right, loss = correct(self.labels, self.p_fake), log_losses(self.labels, self.p_fake)
        return np.stack(
            [
                np.bincount(self.video, values * (self.labels == label), videos)
                for label in (0, 1)
                for values in (np.ones_like(right), right, loss)
            ],
            axis=1,
        )


def _means(counts: Counts, sums: Array) -> dict[str, Array]:
    """Return the metrics that are means over samples, each (r,), for counts (r, V)."""
    reals, right_reals, loss_reals, fakes, right_fakes, loss_fakes = (counts @ sums).T
    return {
        "acc": (right_reals + right_fakes) / (reals + fakes),
        "log_loss": (loss_reals + loss_fakes) / (reals + fakes),
        "acc_real": right_reals / reals,
        "acc_fake": right_fakes / fakes,
    }


def intervals(faces: pd.DataFrame, draws: Draws | None = None) -> dict[Level, dict[str, Interval]]:
    """Return the 95% intervals ``{"frame" | "video": {metric: (low, high)}}`` of a test.

    ``faces`` has the columns label, p_fake, video and those that `draw` asks for; ``draws`` are by
    default its own. The intervals speak of other test people or videos, not of another training.

    Raises:
        DataError: as `video_scores` and `draw`.
    """
    drawn = draw(faces) if draws is None else draws
    return {
        level: {
            name: percentile_interval(values, drawn.fewest)
            for name, values in Scores.of(faces, level).replicate(drawn).items()
        }
        for level in LEVELS
    }


def percentile_interval(
    replicates: Array, units: int | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval between two percentiles of the replicates (R,).

    With few ``units`` (n) the percentiles lie further out, as the t interval's quantiles lie beyond
    the normal one's: at Φ(∓ t_{n-1} √(n / (n - 1))) (expanded percentile interval, Hesterberg,
    The American Statistician 2015, section 5.3). None: as many as one likes.
    """
    tail = (1 - confidence) / 2
    if units is not None:
        tail = float(norm.cdf(t.ppf(tail, units - 1) * np.sqrt(units / (units - 1))))
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)
