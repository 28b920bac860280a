"""LTW against each other method in one look: differences with their intervals around zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ltw.bench.figures.style import method_colour, method_name, panel
from ltw.metrics import Estimate
from ltw.palette import INK, MUTED


@dataclass(frozen=True)
class Difference:
    """LTW's AUC minus that of ``method``: ``whole`` over all tests, ``parts`` on each of them."""

    method: str
    whole: Estimate
    parts: tuple[float, ...] = ()


def differences_figure(differences: Sequence[Difference]) -> Figure:
    """Draw a row a method: the difference with its interval, and each part as a tick."""
    figure, axes = panel(5.6, 1.0 + 0.34 * len(differences))
    axes.axvline(0, color=INK.light, linewidth=1)
    for row, difference in enumerate(differences):
        colour = method_colour(difference.method).light
        axes.plot(
            difference.parts,
            [row] * len(difference.parts),
            linestyle="none",
            marker="|",
            markersize=9,
            color=MUTED.light,
        )
        whole = difference.whole
        if whole.low is not None and whole.high is not None:
            axes.plot([whole.low, whole.high], [row, row], color=colour, linewidth=2.2)
        axes.plot(whole.value, row, "o", color=colour, markersize=7)
    axes.set_yticks(range(len(differences)), [method_name(d.method) for d in differences])
    axes.tick_params(axis="y", length=0, labelcolor=INK.light, labelsize=9.5)
    axes.set_ylim(len(differences) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("AUC of LTW minus that of the other")
    edge = blended_transform_factory(axes.transData, axes.transAxes)
    for side, text, shift in (("right", "other better", -6), ("left", "LTW better", 6)):
        axes.annotate(
            text,
            (0, 1),
            xycoords=edge,
            xytext=(shift, 4),
            textcoords="offset points",
            ha=side,
            fontsize=9,
            color=MUTED.light,
        )
    return figure
