"""Metrics on many draws of the test videos, shared by all runs that are tested on these videos.

`ltw.metrics.resample` ranks all frames anew for every draw and knows one test at a time. A table
needs hundreds of runs on the same draws, so here the frames are summed up by video once: ACC and
log loss are then linear in how often each video was drawn, AUC is bilinear (so many pairs of a real
and a fake video), and for EER only the stretch of the ROC is walked where the draws' crossings lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.metrics import correct, equal_error, evaluate, log_losses, video_scores

Array = NDArray[np.float64]
Ints = NDArray[np.intp]

REPLICATES = 1000
_BLOCKS = 64
_CHUNK = 10_000_000  # counts held at once: 10 to 40 MB
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True)
class Scores:
    """Scored samples of one test, frames or videos; ``video`` is each one's place in the draws."""

    labels: Array  # (n,) 0 or 1
    p_fake: Array  # (n,)
    video: Ints  # (n,) in 0 .. V-1

    @classmethod
    def of(cls, faces: pd.DataFrame, level: str) -> Scores:
        """Take the columns label, p_fake, video of a test; at level ``video`` their means."""
        labels, p_fake, videos = (faces[name].to_numpy() for name in ("label", "p_fake", "video"))
        if level == "video":
            names, y, p = video_scores(labels, p_fake, videos)
            return cls(y.astype(float), p, np.arange(len(names)))
        video = pd.factorize(videos, sort=True)[0]
        return cls(labels.astype(float), p_fake.astype(float), video)

    def evaluate(self) -> dict[str, float]:
        """Return the four metrics; raises as `ltw.metrics.evaluate` does."""
        return evaluate(self.labels, self.p_fake)

    def replicate(self, draws: Array) -> dict[str, Array]:
        """Return each metric (R,) on every draw (R, V): how often each video was drawn."""
        videos = draws.shape[1]
        right, loss = correct(self.labels, self.p_fake), log_losses(self.labels, self.p_fake)
        total = draws @ np.bincount(self.video, minlength=videos)
        return {
            "acc": draws @ np.bincount(self.video, right, videos) / total,
            "log_loss": draws @ np.bincount(self.video, loss, videos) / total,
            "auc": self._auc(draws),
            "eer": self._eer(draws),
        }

    def _auc(self, draws: Array) -> Array:
        """Sum the drawn pairs of videos by how many of their pairs of samples are in order."""
        fakes, n_fakes, fake_scores, _ = self._by_video(1)
        reals, n_reals, real_scores, real_place = self._by_video(0)
        order = np.argsort(real_scores)
        starts = np.cumsum(n_fakes) - n_fakes
        bounds = [np.searchsorted(real_scores[order], fake_scores, side) for side in _SIDES]
        small = np.min_scalar_type(n_reals.max())
        in_order = np.empty((len(fakes), len(reals)))
        chunk = max(1, _CHUNK // len(order))
        for first in range(0, len(reals), chunk):
            these = np.arange(first, min(first + chunk, len(reals)))
            lower = np.zeros((len(order) + 1, len(these)), small)  # how many reals of each video
            lower[1:] = real_place[order][:, None] == these
            np.cumsum(lower, axis=0, dtype=small, out=lower)
            below = [np.add.reduceat(lower[b], starts, axis=0, dtype=np.int64) for b in bounds]
            in_order[:, these] = np.mean(below, axis=0)  # a tie counts one half
        drawn_fakes, drawn_reals = draws[:, fakes], draws[:, reals]
        pairs = (drawn_fakes @ n_fakes) * (drawn_reals @ n_reals)
        return np.asarray(np.sum(drawn_fakes @ in_order * drawn_reals, axis=1) / pairs)

    def _by_video(self, label: int) -> tuple[Ints, Ints, Array, Ints]:
        """Return a class's videos, their sizes, and its scores and their videos, video by video."""
        rows = np.flatnonzero(self.labels == label)
        rows = rows[np.argsort(self.video[rows], kind="stable")]
        videos, place, sizes = np.unique(self.video[rows], return_inverse=True, return_counts=True)
        return videos, sizes, self.p_fake[rows], place

    def _eer(self, draws: Array) -> Array:
        """Find where FPR + TPR - 1 crosses zero: in which blocks of the ROC, then where in these.

        Vertex k of the ROC calls the samples with the k highest distinct scores fake.
        """
        rank = np.unique(-self.p_fake, return_inverse=True)[1]
        edges = np.unique(np.linspace(0, rank.max() + 1, _BLOCKS + 1).astype(int))
        block = np.searchsorted(edges, rank, "right") - 1
        reals, fakes = (
            self._cumulated(draws, block, self.labels == label, len(edges) - 1) for label in (0, 1)
        )
        n_real, n_fake = reals[:, -1:], fakes[:, -1:]
        after = np.argmax(reals / n_real + fakes / n_fake - 1 >= 0, axis=1)
        first, last = after.min() - 1, after.max()
        near = (rank >= edges[first]) & (rank < edges[last])
        order = np.flatnonzero(near)[np.argsort(rank[near], kind="stable")]
        ends = np.append(0, np.flatnonzero(np.append(np.diff(rank[order]) > 0, True)) + 1)
        drawn = draws[:, self.video[order]]
        steps = [np.cumsum(drawn * (self.labels[order] == label), axis=1) for label in (0, 1)]
        below, above = (np.pad(step, ((0, 0), (1, 0)))[:, ends] for step in steps)
        return equal_error(
            (reals[:, [first]] + below) / n_real, (fakes[:, [first]] + above) / n_fake
        )

    def _cumulated(self, draws: Array, block: Ints, rows: NDArray[np.bool_], blocks: int) -> Array:
        """Return how many of ``rows`` are drawn (R, blocks + 1) before each edge of a block."""
        videos = draws.shape[1]
        cells = np.bincount(self.video[rows] * blocks + block[rows], minlength=videos * blocks)
        sums = np.cumsum(draws @ cells.reshape(videos, blocks), axis=1)
        return np.pad(sums, ((0, 0), (1, 0)))


def draw_videos(faces: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> Array:
    """Return how often each video of a test was drawn (replicates, V), videos sorted by name.

    ``faces`` has the columns dataset, domain, label, video. Videos of one domain of a data set are
    drawn among each other, as many as there are, so every draw has both classes. What is drawn
    depends on the data set, the domain and the number of videos alone: tests that share videos
    share their draws (the reals of two forgeries, one video at two compressions), whatever the run.
    """
    videos = faces.drop_duplicates("video").sort_values("video").reset_index(drop=True)
    drawn = np.empty((replicates, len(videos)))
    names = videos["dataset"] + "/" + videos["domain"]
    for name in names.unique():
        members = np.flatnonzero(names == name)
        drawn[:, members] = _counts(name, len(members), replicates, seed)
    return drawn


@cache
def _counts(name: str, n: int, replicates: int, seed: int) -> Array:
    """Draw n of n videos with replacement, and return how often each was drawn (replicates, n)."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    picks = rng.integers(n, size=(replicates, n)) + n * np.arange(replicates)[:, None]
    counts = np.bincount(picks.ravel(), minlength=replicates * n)
    return counts.reshape(replicates, n).astype(float)
