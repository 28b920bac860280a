"""How training went: loss by step, validation by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltw.bench.figures.style import draw, legend, method_colour, panel

Points = tuple[Sequence[float], Sequence[float]]


def loss_figure(curves: Mapping[str, Points]) -> Figure:
    """Training loss by step, ``{method: (steps, losses)}``: each step thin, running mean bold."""
    figure, axes = panel(4.4, 2.9)
    for method, (steps, losses) in curves.items():
        colour = method_colour(method).light
        window = max(1, len(losses) // 20)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.3)
        draw(axes, method, np.asarray(steps)[window // 2 :][: len(smooth)], smooth)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    legend(axes, "upper right")
    return figure


def validation_figure(curves: Mapping[str, Points]) -> Figure:
    """Source validation AUC by epoch, ``{method: (epochs, auc)}``; a ring marks the best."""
    figure, axes = panel(4.4, 2.9)
    for method, (epochs, aucs) in curves.items():
        colour = method_colour(method).light
        draw(axes, method, epochs, aucs, marker="o", markersize=3)
        best = int(np.argmax(aucs))
        axes.plot(epochs[best], aucs[best], "o", ms=9, mfc="none", mec=colour, mew=1.4)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation AUC")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, "lower right")
    return figure
