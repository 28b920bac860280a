"""Comparison: every method on every target of a benchmark, those never seen first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltw.labels import domain_name, method_name
from ltw.metrics import Estimate
from ltw.palette import BAND, INK, MUTED
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import legend_outside, method_colour, method_place, panel

Estimates = Mapping[str, Sequence[Estimate]]
"""By method: its AUC on each target."""


def figures(section: Section) -> list[CaptionedFigure]:
    """Return the figure of a benchmark: the frame AUCs of its table.

    Raises:
        DataError: predictions of a run are missing or damaged.
    """
    sources = section.runs[0].config.sources
    targets = sorted(section.targets, key=lambda target: target in sources)
    estimates = {
        method: [group.estimate((target,), "auc", "frame") for target in targets]
        for method, group in section.groups.items()
    }
    words = (
        "Frame AUC with 95% confidence intervals, as in the table. "
        f"Trained with {section.training}. Shaded: never seen in training."
    )
    unseen = sum(target not in sources for target in targets)
    figure = comparison_figure(estimates, targets, unseen)
    return [CaptionedFigure(section.name, "AUC of every method", words, figure)]


def comparison_figure(estimates: Estimates, targets: Sequence[str], unseen: int) -> Figure:
    """Draw a row a target, of which the first ``unseen`` were never trained on."""
    figure, axes = panel(4.8, 0.9 + max(0.62, 0.22 * len(estimates)) * len(targets))
    axes.axhspan(-0.5, unseen - 0.5, color=BAND.light, zorder=0)
    for place, (method, own) in enumerate(estimates.items()):
        offset = (place - (len(estimates) - 1) / 2) * 0.7 / len(estimates)
        for row, estimate in enumerate(own):
            _dot(axes, estimate, row + offset, method, label=row == 0)
    names = [f"{domain_name(t)}\nnever seen" if n < unseen else domain_name(t)
             for n, t in enumerate(targets)]  # fmt: skip
    axes.set_yticks(range(len(targets)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK.light, labelsize=10)
    for label in axes.get_yticklabels()[:unseen]:
        label.set_fontweight("bold")
    axes.set_ylim(len(targets) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(left, max(1.0, right))
    if left < 0.5:
        axes.axvline(0.5, color=MUTED.light, linewidth=1, linestyle=":")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("AUC, with 95% confidence intervals")
    legend_outside(axes)
    return figure


def _dot(axes: Axes, auc: Estimate, y: float, method: str, *, label: bool) -> None:
    colour = method_colour(method).light
    if auc.low is not None and auc.high is not None:
        axes.plot([auc.low, auc.high], [y, y], color=colour, linewidth=2, alpha=0.55)
    axes.plot(
        auc.value,
        y,
        "os"[method_place(method) % 2],
        color=colour,
        markersize=6.5,
        linestyle="none",
        label=method_name(method) if label else None,
    )
