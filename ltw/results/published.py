"""The paper's figures, as data: published.csv, typed off its Tables 2 to 6.

Source: "Domain General Face Forgery Detection by Learning to Weight", AAAI 2021
(https://ojs.aaai.org/index.php/AAAI/article/view/16367). One row a figure, at frame level: table,
method, backbone, benchmark, target, metric, value. For ForensicTransfer and Multi-task the paper
gives ACC and EER only. Its targets ``OthersAVG`` (Table 4) and ``AVG`` (Table 6) are means over
test sets, see `ltw.report.tables`.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

PAPER = "Domain General Face Forgery Detection by Learning to Weight, AAAI 2021"


class PublishedKey(NamedTuple):
    """What a published figure is of; two that are equal in all of it are the same figure."""

    table: str
    method: str
    backbone: str
    benchmark: str
    target: str
    metric: str


@cache
def published() -> dict[PublishedKey, float]:
    """Return every published figure; tables are ``"2"`` to ``"6"``, metrics as in `ltw.metrics`."""
    text = files("ltw.results").joinpath("published.csv").read_text(encoding="utf-8")
    return {
        PublishedKey(*(row[name] for name in PublishedKey._fields)): float(row["value"])
        for row in csv.DictReader(text.splitlines())
    }


BENCHMARKS = frozenset(key.benchmark for key in published())
"""The paper's benchmarks."""
