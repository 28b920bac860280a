"""AUC as pictures get worse: a panel a corruption, a line a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from ltw.errors import DataError
from ltw.labels import domain_name, method_name
from ltw.palette import INK, MUTED
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import FEW, head, method_colour, panels, plot_method
from ltw.results.corruptions import CORRUPTIONS
from ltw.results.robustness import read_robustness
from ltw.results.runs import Run

CLEAN = 0
"""The strength of faces as they are in the store."""


def figures(section: Section, target: str) -> list[CaptionedFigure]:
    """Return the figure of one target, of the methods whose every run has been measured.

    Raises:
        DataError: there is no such method, or a run's table is damaged.
    """
    measured: dict[str, list[pd.DataFrame]] = {}
    lacking = []
    for method, group in section.groups.items():
        tables = [table for run in group if (table := _corrupted_aucs(run, target)) is not None]
        if len(tables) == len(group):
            measured[method] = tables
        else:
            lacking.append(method_name(method))
    if not measured:
        raise DataError("not measured; do it: ltw bench robustness")
    more = []
    if len(measured) <= FEW and all(len(tables) == 1 for tables in measured.values()):
        more.append("Bands: 95% confidence intervals over test videos.")
    if lacking:
        more.append(f"Not measured in every run, so not drawn: {', '.join(lacking)}.")
    words = section.caption(target, len(measured), " ".join(more))
    figure = robustness_figure({m: mean_robustness(tables) for m, tables in measured.items()})
    title = f"Robustness on {domain_name(target)}"
    return [CaptionedFigure(section.name, title, words, figure)]


def _corrupted_aucs(run: Run, target: str) -> pd.DataFrame | None:
    """Return the frame AUCs of one target under every condition, the clean one with each."""
    table = read_robustness(run.folder)
    if table is None:
        return None
    test = run.targets[target]
    for name in ("dataset", "domain", "compression"):
        table = table[table[name] == getattr(test, name)]
    table = table[(table["level"] == "frame") & (table["metric"] == "auc")]
    clean = [
        {"corruption": name, "strength": CLEAN, **test.frame["auc"].model_dump()}
        for name in CORRUPTIONS
    ]
    joined: pd.DataFrame = pd.concat([pd.DataFrame(clean), table], ignore_index=True)
    return joined.astype(dict.fromkeys(("value", "low", "high"), float))


def mean_robustness(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Average the AUCs of one method's runs over its seeds.

    ``tables``, one a seed, have corruption, strength, value, low and high, as has what is
    returned: a row a (corruption, strength), `CLEAN` among the strengths, with the mean value and,
    as low and high, the lowest and highest seed's; of one seed, its own interval over videos.
    """
    table = pd.concat(tables)
    if len(tables) == 1:
        own = table[["corruption", "strength", "value", "low", "high"]]
        return own.sort_values(["corruption", "strength"]).reset_index(drop=True)
    grouped = table.groupby(["corruption", "strength"])["value"]
    return grouped.agg(value="mean", low="min", high="max").reset_index()


def robustness_figure(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw `mean_robustness` of every method on one target; the last cell is the legend."""
    figure, grid = panels(9.4, 5.2, 2, 3, sharey=True)
    for place, (name, corruption) in enumerate(CORRUPTIONS.items()):
        axes = grid[place]
        for method, table in curves.items():
            own = table[table["corruption"] == name]
            plot_method(axes, method, own["strength"], own["value"], marker="o", markersize=3)
            if len(curves) <= FEW:
                colour = method_colour(method).light
                axes.fill_between(
                    own["strength"],
                    own["low"].astype(float),
                    own["high"].astype(float),
                    color=colour,
                    alpha=0.13,
                    linewidth=0,
                )
        axes.axhline(0.5, color=MUTED.light, linewidth=1, linestyle=":")
        head(axes, "JPEG" if name == "jpeg" else name)
        axes.set_xticks(range(6), ["none", *(f"{level:g}" for level in corruption.levels)])
        axes.set_xlabel(corruption.unit)
        if place % 3 == 0:
            axes.set_ylabel("AUC")
    handles, labels = grid[0].get_legend_handles_labels()
    grid[-1].axis("off")
    grid[-1].legend(
        handles, labels, loc="center left", frameon=False, labelcolor=INK.light, handlelength=2.6
    )
    return figure
