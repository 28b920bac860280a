"""ROC and DET curves of one target: a line a method, the mean over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ltw import metrics
from ltw.labels import domain_name, method_name
from ltw.metrics import Array
from ltw.palette import MUTED, RULE
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import FEW, legend_outside, method_colour, plot_method, square_panel

TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Ticks of a DET plot's probit axes, as NIST's evaluations have them."""
WEAK_TICKS = (0.001, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 0.999)
"""Ticks where a weak detector needs all of the axes."""


@dataclass(frozen=True)
class Curve:
    """An ROC averaged over seeds: all arrays (v,), ``fpr`` rising from 0 to 1.

    ``tpr`` is the mean of the seeds' true-positive rates at the same ``fpr``, ``low`` and ``high``
    the lowest and the highest of them; ``auc`` is the area under ``tpr``, which is the mean AUC.
    """

    fpr: Array
    tpr: Array
    low: Array
    high: Array
    auc: float


def figures(section: Section, target: str) -> list[CaptionedFigure]:
    """Return both figures of the frames of one target's test.

    Raises:
        DataError: predictions of a run are missing or damaged.
    """
    curves = {
        method: mean_roc([(f["label"], f["p_fake"]) for f in (run.faces(target) for run in group)])
        for method, group in section.groups.items()
    }
    probit = "Both axes on the probit scale; on the dotted line both errors are equal."
    on = domain_name(target)
    roc_words, det_words = (
        section.caption(target, len(curves), more)
        for more in ("Beside a name: its AUC, the mean over seeds.", probit)
    )
    return [
        CaptionedFigure(section.name, f"ROC on {on}", roc_words, roc_figure(curves)),
        CaptionedFigure(section.name, f"DET on {on}", det_words, det_figure(curves)),
    ]


def mean_roc(scores: Sequence[tuple[ArrayLike, ArrayLike]]) -> Curve:
    """Average the ROCs of (labels, p_fake), one pair a seed, at every false-positive rate.

    At a step of the staircase both its foot and its head are averaged, so one seed's curve is its
    ROC, vertex by vertex, without those on a straight line.

    Raises:
        DataError: as `ltw.metrics.roc_curve`.
    """
    curves = [metrics.roc_curve(labels, p_fake)[:2] for labels, p_fake in scores]
    grid = np.unique(np.concatenate([fpr for fpr, _ in curves]))
    sides = np.stack([_both_sides(fpr, tpr, grid) for fpr, tpr in curves])  # (seeds, 2 * grid)
    fpr, tpr = np.repeat(grid, 2), sides.mean(axis=0)
    low, high = sides.min(axis=0), sides.max(axis=0)
    keep = np.any([_corners(fpr, y) for y in (tpr, low, high)], axis=0)
    return Curve(fpr[keep], tpr[keep], low[keep], high[keep], float(np.trapezoid(tpr, fpr)))


def det_points(curve: Curve) -> tuple[Array, Array]:
    """Return (reals called fake, fakes missed), each (v,), in [0, 1]."""
    return curve.fpr, 1 - curve.tpr


def roc_figure(curves: Mapping[str, Curve]) -> Figure:
    """ROC curves of one domain by method, the best AUC first; bands span the seeds."""
    figure, axes = square_panel(3.3, len(curves))
    axes.plot([0, 1], [0, 1], color=RULE.light, linewidth=1)
    for method, curve in _by_auc(curves):
        plot_method(
            axes, method, curve.fpr, curve.tpr, label=f"{method_name(method)} {curve.auc:.3f}"
        )
        if len(curves) <= FEW:
            colour = method_colour(method).light
            axes.fill_between(
                curve.fpr, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0
            )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set_box_aspect(1)
    axes.set_xlabel("reals called fake")
    axes.set_ylabel("fakes found")
    legend_outside(axes)
    return figure


def det_figure(curves: Mapping[str, Curve]) -> Figure:
    """DET curves of one domain by method, both axes on the probit scale.

    A detector with normally distributed scores draws a straight line; the dotted line is where both
    errors are equal. Rates of exactly 0 or 1 lie at infinity: curves leave the plot towards them.
    """
    figure, axes = square_panel(3.5, len(curves))
    for method, curve in _by_auc(curves):
        x, y = det_points(curve)
        plot_method(axes, method, _probit(x), _probit(y))
        if len(curves) <= FEW:
            axes.fill_between(
                _probit(x),
                _probit(1 - curve.high),
                _probit(1 - curve.low),
                color=method_colour(method).light,
                alpha=0.15,
                linewidth=0,
            )
    low, high = det_limits(list(curves.values()))
    axes.plot(ndtri([low, high]), ndtri([low, high]), ":", color=MUTED.light, linewidth=1)
    ticks = [t for t in (TICKS if high <= TICKS[-1] else WEAK_TICKS) if low <= t <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ndtri(ticks), [f"{100 * tick:g}" for tick in ticks])
    axes.tick_params(labelsize=8)
    axes.set(xlim=ndtri([low, high]), ylim=ndtri([low, high]))
    axes.set_box_aspect(1)
    axes.set_xlabel("reals called fake, %")
    axes.set_ylabel("fakes missed, %")
    legend_outside(axes)
    return figure


def det_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the ends of a DET plot's axes.

    From the last of `TICKS` below every rate that is not 0; to 40%, as is usual, where every curve
    finds 80% of the fakes at 20% of the reals, else to the mirror image of the lower end.
    """
    rates = np.concatenate([np.concatenate(det_points(curve)) for curve in curves])
    low = max((t for t in TICKS if t <= min(0.05, rates[rates > 1e-12].min())), default=TICKS[0])
    weak = any(curve.tpr[curve.fpr <= 0.2].max() < 0.8 for curve in curves)
    return low, 1 - low if weak else 0.4


def _by_auc(curves: Mapping[str, Curve]) -> list[tuple[str, Curve]]:
    return sorted(curves.items(), key=lambda named: -named[1].auc)


def _both_sides(fpr: Array, tpr: Array, grid: Array) -> Array:
    """Return the TPR just left and just right of every point of ``grid``, (2 * len(grid),)."""
    right = np.interp(grid, fpr, tpr)
    left = np.interp(-grid, -fpr[::-1], tpr[::-1])
    return np.stack([left, right], axis=1).ravel()


def _corners(x: Array, y: Array) -> Array:
    """Mark, as 0 or 1, the vertices at which a line bends."""
    new = np.append(True, (np.diff(x) != 0) | (np.diff(y) != 0))
    x, y = x[new], y[new]
    dx, dy = np.diff(x), np.diff(y)
    bends = np.abs(dx[:-1] * dy[1:] - dx[1:] * dy[:-1]) > 1e-15
    marks = np.zeros(len(new))
    marks[new] = np.concatenate([[1], bends, [1]])
    return marks


def _probit(rates: Array) -> Array:
    return np.asarray(ndtri(np.clip(rates, 1e-6, 1 - 1e-6)))
