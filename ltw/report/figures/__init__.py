"""Figures: data, plot and caption of each kind in one file; a method looks the same in all.

A figure's data is computed by a function of arrays beside the one that draws it. Drawing functions
return a new matplotlib figure that no global state knows, so there is nothing to close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ltw.errors import DataError
from ltw.labels import domain_name, method_name
from ltw.report.figures import (
    comparison,
    differences,
    gallery,
    robustness,
    roc,
    sweeps,
    training,
    weights,
)
from ltw.report.figures.captioned import CaptionedFigure, Section, sections
from ltw.results.runs import Group, Run

Drawing = tuple[str, Callable[[], list[CaptionedFigure]]]
"""What figures are called, and what draws them or raises `DataError` where their data are missing.
"""


def draw_figures(runs: Sequence[Run]) -> tuple[list[CaptionedFigure], dict[str, str]]:
    """Draw all figures of sorted ``runs``; return them, and why others are left out."""
    drawn: list[CaptionedFigure] = []
    left_out: dict[str, str] = {}
    for name, draw in drawings(runs):
        try:
            drawn += draw()
        except DataError as error:
            left_out[name] = str(error)
    return drawn, left_out


def drawings(runs: Sequence[Run]) -> Iterator[Drawing]:
    """Yield all figures of sorted ``runs``: LTW against the others, by section, then sweeps."""
    forgeries = sorted({source for run in runs for source in run.config.sources})
    yield differences.SECTION, partial(differences.figures, runs)
    for section in sections([run for run in runs if "=" not in run.row.variant]):
        yield f"AUC of every method, {section.name}", partial(comparison.figures, section)
        for target in section.targets:
            place = f"{section.name} on {domain_name(target)}"
            yield f"ROC and DET, {place}", partial(roc.figures, section, target)
            yield f"robustness, {place}", partial(robustness.figures, section, target)
        yield f"training, {section.name}", partial(training.figures, section)
        yield from _of_weights(section, forgeries)
    yield from sweeps.drawings(runs)


def _of_weights(section: Section, forgeries: Sequence[str]) -> Iterator[Drawing]:
    for method, group in section.groups.items():
        if _weighs(group):
            place = f"{section.name} by {method_name(method)}"
            yield f"learned weights, {place}", partial(weights.figures, section, method, forgeries)
            yield f"gallery, {place}", partial(gallery.figures, section, group[0])


def _weighs(group: Group) -> bool:
    return any(run.folder.weights_path.is_file() or run.row.method == "ltw" for run in group)
