"""Sweeps: AUC and ACC over the values of a setting (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltw.engine.settings import run_settings
from ltw.errors import DataError
from ltw.labels import domain_name
from ltw.methods import METHODS
from ltw.metrics import Array
from ltw.palette import MUTED
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import head, method_colour, panels, plot_method
from ltw.results.runs import Group, Run

SYMBOLS = {"icc_weight": "λ, the weight of the ICC loss", "beta": "β, the weight of meta-test"}
SHOWN = {"auc": "AUC", "acc": "ACC"}


def drawings(runs: Sequence[Run]) -> Iterator[tuple[str, Callable[[], list[CaptionedFigure]]]]:
    """Yield what each sweep of sorted ``runs`` is called, and what draws it."""
    swept = [run for run in runs if "=" in run.row.variant]

    def kind(run: Run) -> tuple[str, str, str, str]:
        key = run.row.variant.split("=")[0]
        return run.benchmark.name, run.row.method, key, run.row.settings

    for (benchmark, method, key, setting), own in groupby(sorted(swept, key=kind), kind):
        name = f"{benchmark} {setting}".strip()
        joined = [
            run for run in runs if (run.benchmark.name, *run.row[:2]) == (benchmark, method, "")
        ]
        several = list(own)
        for target in several[0].targets:
            called = f"sweep of {key}, {name} on {domain_name(target)}"
            yield called, partial(_sweep, name, key, target, several, joined)
    if not swept:
        yield "sweeps", _none


def _none() -> list[CaptionedFigure]:
    raise DataError("no suite with sweeps was run; do it: ltw bench run fig5")


def _sweep(
    name: str, key: str, target: str, swept: Sequence[Run], base: Sequence[Run]
) -> list[CaptionedFigure]:
    first = swept[0]
    dotted = _dotted(key, first)
    own = {**run_settings(first.config), dotted: None, "seed": None}
    joined = [r for r in base if {**run_settings(r.config), dotted: None, "seed": None} == own]
    shown = [*swept, *joined]
    rows = [
        {"setting": run_settings(run.config)[dotted], "metric": metric}
        | run.targets[target].frame[metric].model_dump()
        for run in shown
        for metric in SHOWN
    ]
    table = pd.DataFrame(rows).astype(dict.fromkeys(("value", "low", "high"), float))
    words = Section(name, {first.row.method: Group(shown)}).caption(
        target,
        1,
        "A dot is a run (one seed) with its 95% confidence interval over test videos; the line "
        "joins the means.",
    )
    title = f"Sweep of {key} on {domain_name(target)}"
    return [CaptionedFigure(name, title, words, sweep_figure(table, key, first.row.method))]


def _dotted(key: str, run: Run) -> str:
    """Return the full name of the setting ``key``, first of the method's own options."""
    own = f"{METHODS[run.row.method].section}.{key}"
    named = [full for full in run_settings(run.config) if full.split(".")[-1] == key]
    return own if own in named else named[0]


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
        plot_method(axes, method, x[positive], mean["value"][positive])
        plot_method(axes, method, x, mean["value"], linewidth=0, marker="D", markersize=5)
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
