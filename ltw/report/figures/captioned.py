"""Figure with its words, and the section of runs that it is drawn of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from ltw.labels import plural, span
from ltw.report.figures.style import FEW
from ltw.report.settings import describe_training
from ltw.results.runs import Group, Run

if TYPE_CHECKING:
    from ltw.report.figures.gallery import WeightedFace


@dataclass(frozen=True)
class CaptionedFigure:
    """A figure and its words; a gallery's faces are kept for the page, which sets them itself."""

    section: str
    title: str
    caption: str
    figure: Figure
    faces: Mapping[str, Sequence[WeightedFace]] | None = None

    @property
    def name(self) -> str:
        """The name of its files, without suffix."""
        return re.sub(r"[^\w=.-]+", "-", f"{self.section}-{self.title}".lower())

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of a page."""
        return bool(self.figure.get_figwidth() > 6)


@dataclass(frozen=True)
class Section:
    """What is drawn together: the methods on one benchmark, of one variant and setting."""

    name: str
    groups: Mapping[str, Group]
    """Runs by method, one a seed."""

    @property
    def runs(self) -> list[Run]:
        """All runs of it."""
        return [run for group in self.groups.values() for run in group]

    @property
    def targets(self) -> tuple[str, ...]:
        """What its benchmark is tested on."""
        return self.runs[0].benchmark.targets

    @property
    def training(self) -> str:
        """How its runs were trained, in words."""
        return describe_training(self.runs)

    def caption(self, target: str | None, drawn: int, more: str = "") -> str:
        """Say what was tested, how it was trained, and what is drawn of the seeds.

        Args:
            target: None where no test is shown.
            drawn: how many curves; few have bands.
            more: what else there is to say, last.
        """
        said = [self._test(target)] if target else []
        said += [self._seeds(drawn), f"Trained with {self.training}.", more]
        return " ".join(filter(None, said))

    def _test(self, target: str) -> str:
        run = self.runs[0]
        test = run.targets[target]
        seen = "seen" if target in run.config.sources else "never seen"
        return (
            f"{plural(test.frames, 'single frame')} of {plural(test.videos, 'video')}, reals "
            f"included; the forgery was {seen} in training."
        )

    def _seeds(self, drawn: int) -> str:
        counts = sorted({len(group) for group in self.groups.values()})
        if counts == [1]:
            return "One seed a method."
        bands = "; the band spans them" if drawn <= FEW else ""
        return f"A line is the mean over {span(counts)} seeds{bands}."


def sections(runs: Sequence[Run]) -> Iterator[Section]:
    """Yield sorted ``runs`` by what is drawn together.

    A method that was run with one setting only stands beside each of those of another.
    """
    places = sorted({(run.benchmark.name, run.row.variant) for run in runs})
    for benchmark, variant in places:
        here = [r for r in runs if (r.benchmark.name, r.row.variant) == (benchmark, variant)]
        for setting in sorted({run.row.settings for run in here} - {""}) or [""]:
            group = [run for run in here if run.row.settings in ("", setting)]
            methods = {m: Group(own) for m, own in groupby(group, lambda run: run.row.method)}
            yield Section(" ".join(filter(None, (benchmark, variant, setting))), methods)
