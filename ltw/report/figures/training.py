"""Training curves: loss by step, source validation AUC by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltw.errors import DataError
from ltw.metrics import Array
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import legend_outside, method_colour, panel, plot_method
from ltw.results.runs import Group

Curves = Mapping[str, tuple[Array, Array]]
"""By method: steps or epochs (n,), and the mean over the seeds there (n,)."""

NO_RANK = "Losses of different methods are not the same quantity and do not rank them."


def figures(section: Section) -> list[CaptionedFigure]:
    """Return both figures; of seeds that trained for different lengths, what all have.

    Raises:
        DataError: a log is missing or damaged, or nothing was trained.
    """
    losses = {m: c for m, group in section.groups.items() if (c := _loss(group)) is not None}
    aucs = {method: _validation(group) for method, group in section.groups.items()}
    if not losses:
        raise DataError("nothing was trained")
    several = any(len(group) > 1 for group in section.groups.values())
    ring = "" if several else " A ring marks the epoch with the best AUC."
    drawn = len(losses)
    plain = Section(section.name, section.groups)
    return [
        CaptionedFigure(
            section.name,
            "Training loss",
            plain.caption(None, drawn + 5, NO_RANK if drawn > 1 else ""),
            loss_figure(losses),
        ),
        CaptionedFigure(
            section.name,
            "AUC on source validation faces",
            plain.caption(None, drawn + 5) + ring,
            validation_figure(aucs, rings=not several),
        ),
    ]


def _loss(group: Group) -> tuple[Array, Array] | None:
    logs = [[e for e in run.folder.log() if e["kind"] == "step"] for run in group]
    return _mean([[(entry["step"], entry["loss"]) for entry in log] for log in logs])


def _validation(group: Group) -> tuple[Array, Array]:
    logs = [run.folder.epochs() for run in group]
    found = _mean([[(e["epoch"], e["validation"]["auc"]) for e in log] for log in logs])
    if found is None:
        raise DataError(f"{group[0].folder.log_path}: holds no epoch")
    return found


def _mean(curves: Sequence[Sequence[tuple[int, float]]]) -> tuple[Array, Array] | None:
    length = min(map(len, curves))
    if not length:
        return None
    points = np.array([curve[:length] for curve in curves], float)
    return points[0, :, 0], points[:, :, 1].mean(axis=0)


def loss_figure(curves: Curves) -> Figure:
    """Training loss by step: each step thin, running mean bold."""
    figure, axes = panel(4.4, 3.1)
    for method, (steps, losses) in curves.items():
        colour = method_colour(method).light
        window = max(1, len(losses) // 20)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.3)
        plot_method(axes, method, steps[window // 2 :][: len(smooth)], smooth)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    legend_outside(axes)
    return figure


def validation_figure(curves: Curves, *, rings: bool = True) -> Figure:
    """Source validation AUC by epoch; rings mark the best."""
    figure, axes = panel(4.4, 3.1)
    for method, (epochs, aucs) in curves.items():
        colour = method_colour(method).light
        plot_method(axes, method, epochs, aucs, marker="o", markersize=3)
        if rings:
            best = int(np.argmax(aucs))
            axes.plot(epochs[best], aucs[best], "o", ms=9, mfc="none", mec=colour, mew=1.4)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation AUC")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_outside(axes)
    return figure
