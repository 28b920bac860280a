"""What a setting changes: AUC and ACC over the values of a sweep."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltw.bench.figures.style import draw, head, method_colour, panels
from ltw.metrics import Array
from ltw.palette import MUTED

SYMBOLS = {"icc_weight": "λ, the weight of the ICC loss", "beta": "β, the weight of meta-test"}
SHOWN = {"auc": "AUC", "acc": "ACC"}


def sweep_means(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds at every (metric, setting), sorted: metric, setting, value.

    ``runs`` has a row a (run, metric): setting, metric, value, low, high.
    """
    return runs.groupby(["metric", "setting"])["value"].mean().reset_index()


def sweep_figure(runs: pd.DataFrame, key: str, method: str) -> Figure:
    """Draw ``runs`` (as for `sweep_means`) of one target: a dot a run with its interval, the mean.

    ``key`` is the setting's name. Its axis is logarithmic, with 0, where it is, apart at the left.
    """
    means = sweep_means(runs)
    figure, grid = panels(8.2, 3.1, 1, len(SHOWN))
    for axes, (metric, title) in zip(grid, SHOWN.items(), strict=True):
        own = runs[runs["metric"] == metric]
        mean = means[means["metric"] == metric]
        _dots(axes, own, method)
        x = places(mean["setting"].to_numpy(float))
        positive = mean["setting"].to_numpy() > 0
        draw(axes, method, x[positive], mean["value"][positive])
        draw(axes, method, x, mean["value"], linewidth=0, marker="D", markersize=5)
        _ticks(axes, mean["setting"].to_numpy(float))
        axes.set_xlabel(SYMBOLS.get(key, key))
        head(axes, title)
    return figure


def places(settings: Array) -> Array:
    """Return where values lie on the axis: their log10, and 0 one and a half below the least."""
    positive = settings[settings > 0]
    least = np.log10(positive.min()) if len(positive) else 0.0
    with np.errstate(divide="ignore"):
        return np.where(settings > 0, np.log10(settings), least - 1.5)


def _dots(axes: Axes, runs: pd.DataFrame, method: str) -> None:
    """Draw every run beside the others at its setting, so that none hides another."""
    colour = method_colour(method).light
    step = 0.09
    for setting, own in runs.groupby("setting"):
        shifts = (np.arange(len(own)) - (len(own) - 1) / 2) * step
        everything = runs["setting"].drop_duplicates().to_numpy(float)
        x = places(np.append(everything, float(setting)))[-1] + shifts  # type: ignore[arg-type]
        axes.vlines(x, own["low"], own["high"], color=colour, linewidth=1.2, alpha=0.35)
        axes.plot(x, own["value"], "o", color=colour, markersize=3, alpha=0.6)


def _ticks(axes: Axes, settings: Array) -> None:
    x = places(settings)
    axes.set_xticks(x, [f"{value:g}" for value in settings])
    if (settings == 0).any() and (settings > 0).any():
        axes.axvline(x[settings == 0][0] + 0.75, color=MUTED.light, linewidth=0.8, linestyle=":")
