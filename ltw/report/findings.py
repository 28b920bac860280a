"""Findings: what the numbers show, in plain sentences, whichever way they fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ltw.labels import domain_name, signed, with_interval
from ltw.metrics import Estimate
from ltw.results.comparisons import Comparison, compare
from ltw.results.runs import Group, Run, group_by_seed


def findings(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Return what every method reaches on unseen forgeries, and what LTW differs by, by frames.

    Raises:
        DataError: a file of a run is missing or damaged.
    """
    groups = group_by_seed(runs)
    reached = [sentence for group in groups.values() for sentence in _reached(group)]
    unseen = {
        (run.benchmark.name, target)
        for run in runs
        for target in run.targets
        if target not in run.config.sources
    }
    compared = [_verdict(c) for c in compare(groups) if (c.benchmark, c.target) in unseen]
    return reached, [sentence for sentence in compared if sentence]


def _reached(group: Group) -> Iterator[str]:
    sources = group[0].config.sources
    seen = [target for target in group[0].targets if target in sources]
    known = [group.estimate((target,), "auc", "frame").value for target in seen]
    beside = f", against {np.mean(known):.3f} on average on the forgeries it knew" if known else ""
    for target in group[0].targets:
        if target not in sources:
            auc = group.estimate((target,), "auc", "frame")
            value = with_interval(auc.value, auc.low, auc.high)
            yield (
                f"{group[0].row} reaches an AUC of {value} on {domain_name(target)}{beside}"
                f"{_against_chance(auc)}."
            )


def _against_chance(auc: Estimate) -> str:
    """Say so where an AUC's interval reaches down to guessing, or lies below it."""
    if auc.low is None or auc.high is None or auc.low > 0.5:
        return ""
    if auc.high < 0.5:
        return "; that is worse than guessing (0.5)"
    return "; its interval holds 0.5, so it is not shown to be better than guessing"


def _verdict(c: Comparison) -> str:
    e = c.difference
    if e is None or e.low is None or e.high is None or c.target is None:
        return ""
    if e.low > 0:
        outcome = f"{c.row} is better than {c.versus} on these test videos"
    elif e.high < 0:
        outcome = f"{c.row} is worse than {c.versus} on these test videos"
    else:
        outcome = f"These test videos do not tell {c.row} and {c.versus} apart"
    return (
        f"{outcome}: the difference in AUC on {domain_name(c.target)} is {signed(e.value)} (95% "
        f"interval {signed(e.low)} to {signed(e.high)}, both scored on the same videos)."
    )
