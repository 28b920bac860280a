"""One picture of a comparison: every method on the unseen forgery and on its sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltw.bench.figures.style import method_colour, method_name, method_place, panel, pretty
from ltw.palette import BAND, INK, MUTED


def comparison_figure(results: Mapping[str, Any]) -> Figure:
    """AUC (frame) and 95% interval of every method on the unseen forgery and on its sources.

    ``results`` is ``{"target": str, "sources": [str], "methods": {method: {"domains": {domain:
    {"frame": {"auc": {"value", "low", "high"}}}}}}}``, the domains as in ``metrics.json``.
    """
    domains = [results["target"], *results["sources"]]
    methods = list(results["methods"])
    figure, axes = panel(4.8, 0.75 + 0.62 * len(domains))
    axes.axhspan(-0.5, 0.5, color=BAND.light, zorder=0)
    for place, method in enumerate(methods):
        offset = (place - (len(methods) - 1) / 2) * 0.6 / len(methods)
        for row, domain in enumerate(domains):
            measured = results["methods"][method]["domains"].get(domain)
            if measured is not None:
                _dot(axes, measured["frame"]["auc"], row + offset, method, label=row == 0)
    axes.set_yticks(
        range(len(domains)), [f"{pretty(domains[0])}\nnever seen", *map(pretty, domains[1:])]
    )
    axes.tick_params(axis="y", length=0, labelcolor=INK.light, labelsize=10)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim(len(domains) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(left, max(1.0, right))
    if left < 0.5:
        axes.axvline(0.5, color=MUTED.light, linewidth=1, linestyle=":")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("AUC, with 95% intervals over test videos")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, labelcolor=INK.light
    )
    return figure


def _dot(axes: Axes, auc: Mapping[str, Any], y: float, method: str, *, label: bool) -> None:
    colour = method_colour(method).light
    if auc["low"] is not None:
        axes.plot([auc["low"], auc["high"]], [y, y], color=colour, linewidth=2, alpha=0.55)
    axes.plot(
        auc["value"],
        y,
        "os"[method_place(method) % 2],
        color=colour,
        markersize=6.5,
        linestyle="none",
        label=method_name(method) if label else None,
    )
