"""Learned weights by domain over the epochs of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltw.errors import DataError
from ltw.labels import domain_name, method_name
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import domain_style, label_ends, panel
from ltw.types import REAL

WEIGHED = "Mean weight of the training faces as it weighed their loss, by epoch."


def figures(section: Section, method: str, forgeries: Sequence[str]) -> list[CaptionedFigure]:
    """Return the figure of one method; ``forgeries`` fix the colours.

    Raises:
        DataError: a log is missing or damaged, or holds no weights.
    """
    group = section.groups[method]
    table = weights_by_epoch([run.folder.epochs() for run in group])
    if table.empty:
        raise DataError(f"{group[0].folder.log_path}: holds no weights")
    own = Section(section.name, {method: group})
    words = f"{WEIGHED} {own.caption(None, 1)}"
    title = f"Weights learned by {method_name(method)}"
    return [CaptionedFigure(section.name, title, words, weights_figure(table, forgeries))]


def weights_by_epoch(logs: Sequence[Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the mean learned weight of each domain over the seeds, and its spread.

    ``logs`` are the epochs of metrics.jsonl, one sequence a seed. A row a (domain, epoch), sorted:
    domain, epoch, mean, low and high (the lowest and highest seed's), seeds; none where nothing
    was weighed.
    """
    rows = [
        (domain, line["epoch"], weight)
        for log in logs
        for line in log
        for domain, weight in line.get("weights", {}).items()
    ]
    table = pd.DataFrame(rows, columns=["domain", "epoch", "weight"])
    grouped = table.groupby(["domain", "epoch"])["weight"]
    return grouped.agg(mean="mean", low="min", high="max", seeds="count").reset_index()


def weights_figure(table: pd.DataFrame, forgeries: Sequence[str] = ()) -> Figure:
    """Draw `weights_by_epoch`; reals grey, bands span the seeds.

    ``forgeries`` fixes the colours, for figures that are seen together; by default, those drawn.
    """
    figure, axes = panel(4.9, 2.9)
    forgeries = forgeries or sorted(set(table["domain"]) - {REAL})
    ends = []
    for domain, rows in table.groupby("domain"):
        style = domain_style(str(domain), forgeries)
        axes.plot(rows["epoch"], rows["mean"], linewidth=1.9, marker="o", markersize=3, **style)
        colour = style["color"]
        axes.fill_between(
            rows["epoch"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0
        )
        ends.append((domain_name(str(domain)), float(rows["mean"].iloc[-1]), colour))
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean learned weight")
    axes.set_ylim(0, 1.12 * table["high"].max())
    axes.set_xlim(table["epoch"].min() - 0.15, table["epoch"].max() + 0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    label_ends(axes, ends, float(table["epoch"].max()))
    return figure
