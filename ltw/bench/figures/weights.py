"""What the weight network makes of each domain over the epochs of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltw.bench.figures.style import domain_style, label_ends, panel, pretty
from ltw.types import REAL


def weights_by_epoch(logs: Sequence[Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the mean learned weight of each domain over the seeds, and its spread.

    ``logs`` are the lines of metrics.jsonl, one sequence a seed. A row a (domain, epoch), sorted:
    domain, epoch, mean, low and high (the lowest and highest seed's), seeds; none where nothing
    was weighed.
    """
    rows = [
        (domain, line["epoch"], weight)
        for log in logs
        for line in log
        if line.get("kind") == "epoch"
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
        ends.append((pretty(str(domain)), float(rows["mean"].iloc[-1]), colour))
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean learned weight")
    axes.set_ylim(0, 1.12 * table["high"].max())
    axes.set_xlim(table["epoch"].min() - 0.15, table["epoch"].max() + 0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    label_ends(axes, ends, float(table["epoch"].max()))
    return figure
