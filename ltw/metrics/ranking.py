"""Ranking metrics (AUC, EER, average precision, TPR at an FPR) for many weightings of one ranking.

A point estimate counts every sample once, a bootstrap replicate as often as its video was drawn, so
both come from this code. Counts are integers throughout: sums are exact, whatever their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Ranking:
    """Reals and fakes by score, and how they interleave.

    A vertex is a distinct score of fakes: the point of the ROC at which every sample with that
    score or a higher one is called fake. Between two vertices only reals are added, so these v
    vertices describe the whole ROC.
    """

    reals: Places
    """(n_reals,): which count belongs to each real, the highest score first."""
    fakes: Places
    """(n_fakes,): likewise."""
    found: Places
    """(v,): how many fakes are called fake at each vertex."""
    called: Places
    """(v,): how many reals are called fake at each vertex, those included that tie with it."""
    above: Places
    """(v,): how many reals are above it."""

    @classmethod
    def of(cls, labels: Array, scores: Array, counted: Places | None = None) -> Ranking:
        """Rank scores (n,) of samples whose labels are 0 (real) or 1 (fake), both there.

        ``counted`` (n,) says which count (its column) is each sample's; None: each has its own.
        """
        reals, fakes = (np.flatnonzero(labels == label) for label in (0, 1))
        reals, fakes = (rows[np.argsort(-scores[rows], kind="stable")] for rows in (reals, fakes))
        falling = -scores[fakes]
        found = np.append(np.flatnonzero(falling[1:] != falling[:-1]) + 1, len(falling))
        vertices, others = falling[found - 1], -scores[reals]
        sides = [np.searchsorted(others, vertices, side) for side in ("left", "right")]
        if counted is not None:
            reals, fakes = counted[reals], counted[fakes]
        return cls(reals, fakes, found, sides[1], sides[0])

    def curves(self, counts: NDArray[Any] | None = None) -> Curves:
        """Return the ROC for each row of counts (R, columns); None: all samples once, R = 1."""
        if counts is None:
            counts = np.ones((1, len(self.reals) + len(self.fakes)), np.uint8)
        reals, fakes = (_cumulated(counts, columns) for columns in (self.reals, self.fakes))
        if len(self.found) < len(self.fakes):
            fakes = np.take(fakes, np.append(0, self.found), axis=1)
        called = np.take(reals, self.called, axis=1).astype(float)
        tied = (self.above != self.called).any()
        above = np.take(reals, self.above, axis=1).astype(float) if tied else called
        return Curves(fakes.astype(float), called, above, reals[:, -1].astype(float))


def _cumulated(counts: NDArray[Any], columns: Places) -> NDArray[Any]:
    """Return how much is drawn of the first 0, 1, ... n ranked samples, (R, n + 1)."""
    dtype = np.int32 if len(columns) * 255 < 2**31 else np.int64
    sums = np.zeros((len(counts), len(columns) + 1), dtype)
    np.cumsum(np.take(counts, columns, axis=1), axis=1, out=sums[:, 1:])
    return sums


@dataclass(frozen=True)
class Curves:
    """R ROCs over the same v vertices, as counts of samples (whole numbers, exact to 2^53)."""

    found: Array
    """(R, v + 1): fakes called fake before the first vertex (0) and at each."""
    called: Array
    """(R, v): reals called fake at each vertex."""
    above: Array
    """(R, v): those of them that do not tie with it."""
    n_reals: Array
    """(R,)"""

    @property
    def n_fakes(self) -> Array:
        """How many fakes there are, (R,)."""
        return self.found[:, -1]

    @cached_property
    def _steps(self) -> Array:
        """How many fakes each vertex adds, (R, v)."""
        return np.diff(self.found)

    def auc(self) -> Array:
        """Return the area under each ROC, (R,); a tie counts one half."""
        sides = [self.called] if self.above is self.called else [self.called, self.above]
        wrong = [np.einsum("rv,rv->r", self._steps, side) for side in sides]
        return np.asarray(1 - np.mean(wrong, axis=0) / (self.n_reals * self.n_fakes))

    def eer(self) -> Array:
        """Return the error rate where FPR = 1 - TPR on the lines between vertices, (R,).

        The ROC goes from a vertex to the right, past reals alone, and then straight to the next.
        """
        n_reals, n_fakes = self.n_reals, self.n_fakes
        area = n_reals * n_fakes
        vertex = self._first(
            lambda at: (
                self._of(self.called, at) * n_fakes + self._of(self.found, at + 1) * n_reals >= area
            )
        )
        before, found = self._of(self.found, vertex), self._of(self.found, vertex + 1)
        above, called = self._of(self.above, vertex), self._of(self.called, vertex)
        a = above * n_fakes + before * n_reals - area  # excess of FPR over 1 - TPR
        b = called * n_fakes + found * n_reals - area
        with np.errstate(divide="ignore", invalid="ignore"):  # where the line is not crossed
            crossing = (above - a / (b - a) * (called - above)) / n_reals
        return np.where(a >= 0, 1 - before / n_fakes, crossing)

    def average_precision(self) -> Array:
        """Return Σ (recall_k - recall_{k-1}) · precision_k over the vertices, (R,)."""
        found = self.found[:, 1:]
        precision = found + self.called
        np.maximum(precision, 1, out=precision)  # before the first drawn sample there is nothing
        np.divide(found, precision, out=precision)
        return np.asarray(np.einsum("rv,rv->r", self._steps, precision) / self.n_fakes)

    def tpr_at(self, fpr: float) -> Array:
        """Return the share of fakes found where at most ``fpr`` of the reals are called fake, (R,).

        A threshold must reach it: there is no interpolation between vertices.
        """
        allowed = np.floor(fpr * self.n_reals + 1e-9)
        beyond = self._first(lambda vertex: self._of(self.called, vertex) > allowed)
        return np.asarray(self._of(self.found, beyond) / self.n_fakes)

    @staticmethod
    def _of(counts: Array, places: Places) -> Array:
        return counts[np.arange(len(places)), places]

    def _first(self, holds: Callable[[Places], NDArray[np.bool_]]) -> Places:
        """Return the first vertex (R,) from which on ``holds``, by bisection; v if at none."""
        rows, vertices = self.called.shape
        low, high = np.zeros(rows, np.intp), np.full(rows, vertices)
        while (unsure := low < high).any():
            middle = (low + high) // 2
            held = holds(np.minimum(middle, vertices - 1))
            high = np.where(unsure & held, middle, high)
            low = np.where(unsure & ~held, middle + 1, low)
        return low
