"""Tables of finished runs: the paper's where its runs are there, and one layout for all others.

A cell that was not run is empty. The published figure stands beside a cell where benchmark,
backbone, method, target and metric are the same and the method has the paper's settings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ltw.bench.compare import Comparison, compare
from ltw.bench.figures import pretty
from ltw.bench.finished import Row, read_runs
from ltw.bench.published import Figure, published
from ltw.bench.results import Group, Groups, read_groups
from ltw.bench.suites import SUITES, Benchmark, Suite
from ltw.config import Config
from ltw.methods import METHODS
from ltw.metrics import Estimate, Level, Sample, estimate

METRICS = {"acc": "ACC", "log_loss": "log loss", "auc": "AUC", "eer": "EER"}
HIGHER_IS_BETTER = {"acc": True, "log_loss": False, "auc": True, "eer": False}
LIMITS = {"acc": (0.0, 1.0), "log_loss": (0.0, np.inf), "auc": (0.0, 1.0), "eer": (0.0, 1.0)}
DIGITS = 3

TITLES = {
    "table2": "Table 2: Deepfakes or Face2Face unseen",
    "table3": "Table 3: FaceSwap or NeuralTextures unseen",
    "table4": "Table 4: other data sets",
    "table5": "Table 5: ablations",
    "table6": "Table 6: backbones",
    "fig5": "Fig. 5: λ and β",
}
"""The paper's tables by suite, in the order in which a run looks for one to stand in."""

OTHERS_AVERAGE, AVERAGE = "OthersAVG", "AVG"


@dataclass(frozen=True)
class Cell:
    """One figure; ``best`` of its column, as printed, where there are several rows."""

    estimate: Estimate
    published: float | None
    best: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a block: its cells by metric, none if it was not run, and its footnotes' numbers."""

    row: Row
    cells: Mapping[str, Cell]
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """What the methods reach on one target of one benchmark; ``faces`` says on how many.

    ``target`` empty: on the mean of several benchmarks, which counts each as much.
    """

    benchmark: str
    target: str
    faces: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """Return the benchmark with its target."""
        if not self.target:
            return f"{self.benchmark} benchmarks".capitalize()
        return f"{self.benchmark}, tested on {pretty(self.target)}"


@dataclass(frozen=True)
class Section:
    """A table: blocks under one title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Tables:
    """Everything that `ltw.bench.formats` renders; footnotes are numbered from 1."""

    level: Level
    sections: tuple[Section, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def lines(self) -> list[Line]:
        """Return every row of every block."""
        return [line for s in self.sections for block in s.blocks for line in block.lines]

    @property
    def seeds(self) -> tuple[int, int]:
        """Return the fewest and the most seeds of a row."""
        counts = [cell.estimate.seeds for line in self.lines for cell in line.cells.values()]
        return min(few for few, _ in counts), max(many for _, many in counts)


def make_tables(out: Path, *, level: Level = "frame", versus: Collection[str] = ()) -> Tables:
    """Return the tables of every finished run below ``out``, read from the run folders alone.

    LTW is compared with the methods ``versus``, by default with every other.

    Raises:
        DataError: as `read_runs` and `read_groups`.
        ConfigError: no run is of a method in ``versus``, or none of LTW.
    """
    groups = read_groups(read_runs(out), level)
    notes = tuple(dict.fromkeys(note for group in groups.values() for note in group.notes))
    sections = tuple(
        Section(title, tuple(_blocks(keys, groups, suite, level, notes)))
        for title, suite, keys in _layout(groups)
    )
    return Tables(level, sections, tuple(compare(groups, versus)), notes)


Key = tuple[str, Row]


def _layout(groups: Groups) -> Iterator[tuple[str, Suite | None, list[Key]]]:
    """Yield a title, the paper's suite if it is one, and the rows by benchmark that go there.

    A table of the paper is there if it holds a run that none before it does. A run of one of the
    paper's benchmarks that is in none of its tables joins the first with that benchmark.
    """
    shown: set[Key] = set()
    found: dict[str, list[Key]] = {}
    for name in TITLES:
        suite = SUITES[name]
        rows = {(v.method, v.name) for v in suite.variants}
        benchmarks = {b.name for b in suite.benchmarks}
        here = [key for key in groups if key[0] in benchmarks and (key[1][:2]) in rows]
        if not shown.issuperset(here):
            found[name] = here
            shown.update(here)
    others: list[Key] = []
    for key in (key for key in groups if key not in shown):
        places = [n for n in found if key[0] in {b.name for b in SUITES[n].benchmarks}]
        (found[places[0]] if places else others).append(key)
    for name, keys in found.items():
        yield TITLES[name], SUITES[name], keys
    if others:
        yield ("Other benchmarks" if found else "Results"), None, others


def _blocks(
    keys: Sequence[Key], groups: Groups, suite: Suite | None, level: Level, notes: Sequence[str]
) -> Iterator[Block]:
    order = [b.name for b in suite.benchmarks] if suite else []
    rows = sorted({row for _, row in keys}, key=lambda row: _row_place(row, suite))
    names = sorted({name for name, _ in keys}, key=lambda n: (_place(n, order), n))
    if suite is None and len(names) > 1:
        yield from _mean_block(names, rows, groups, notes)
    for name in names:
        here = {row: groups[name, row] for row in rows if (name, row) in keys}
        benchmark = next(iter(here.values()))[0].benchmark
        only_average = suite is SUITES["table6"]
        for target, targets in columns(benchmark, only_average=only_average).items():
            lines = [
                Line(
                    row,
                    _cells(here[row], target, targets, suite, level),
                    _numbers(here[row].notes, notes),
                )
                if row in here
                else Line(row, {}, ())
                for row in rows
            ]
            yield Block(name, target, _faces(here.values(), targets), _with_best(lines))


def _mean_block(
    names: Sequence[str], rows: Sequence[Row], groups: Groups, notes: Sequence[str]
) -> Iterator[Block]:
    """Yield the mean over the benchmarks of the rows that were run on all; nothing if none was."""
    lines = []
    for row in rows:
        own = [groups[name, row] for name in names if (name, row) in groups]
        if len(own) < len(names):
            lines.append(Line(row, {}, ()))
            continue
        cells = {
            metric: Cell(estimate([_sample(group, metric) for group in own], LIMITS[metric]), None)
            for metric in METRICS
        }
        said = dict.fromkeys(note for group in own for note in group.notes)
        lines.append(Line(row, cells, _numbers(said, notes)))
    if any(line.cells for line in lines):
        yield Block(f"mean of {len(names)}", "", "", _with_best(lines))


def _sample(group: Group, metric: str) -> Sample:
    return group.sample(group[0].benchmark.targets, metric)


def _numbers(own: Iterable[str], notes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of a row's notes."""
    return tuple(notes.index(note) + 1 for note in own)


def columns(benchmark: Benchmark, *, only_average: bool = False) -> dict[str, tuple[str, ...]]:
    """Return a benchmark's targets as tables show them, each with the targets that it is a mean of.

    As in the paper's Table 4, the forgeries that were trained on are one column, their mean. Its
    Table 6 shows one mean over all (it does not say of what; its figures fit that of the six sets).
    """
    if only_average:
        return {AVERAGE: benchmark.targets}
    known = tuple(target for target in benchmark.targets if target in benchmark.sources)
    unseen = {target: (target,) for target in benchmark.targets if target not in known}
    return {**unseen, **({OTHERS_AVERAGE: known} if known else {})}


def measure(group: Group, targets: Sequence[str], metric: str) -> Estimate:
    """Return the mean over seeds and ``targets``; one run on one target as in metrics.json."""
    if len(group) == len(targets) == 1:
        return Estimate(**group[0].tests[targets[0]].figures[metric], seeds=(1, 1))
    return estimate([group.sample(targets, metric)], LIMITS[metric])


def _cells(
    group: Group, target: str, targets: Sequence[str], suite: Suite | None, level: Level
) -> dict[str, Cell]:
    table = suite.name.removeprefix("table") if suite and level == "frame" else ""
    return {
        metric: Cell(measure(group, targets, metric), _published(group, table, target, metric))
        for metric in METRICS
    }


def _published(group: Group, table: str, target: str, metric: str) -> float | None:
    config, row = group[0].config, group[0].row
    backbone = config.detector.backbone
    if row.variant not in ("", backbone) or not _as_in_the_paper(config):
        return None
    name = group[0].benchmark.name
    return published().get(Figure(table, row.method, backbone, name, target, metric))


def _as_in_the_paper(config: Config) -> bool:
    """Whether the methods' own settings are the paper's; how a derivative is taken is none."""

    def own(values: Config) -> dict[str, Any]:
        sections = values.model_dump(include={"ltw", "focal", "mldg"})
        return {k: v | {"second_order": None} for k, v in sections.items()}

    return own(config) == own(Config(store=config.store, sources=config.sources))


def _with_best(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Mark the best of each column that has several; those printed alike are equally good."""
    best: dict[str, float] = {}
    for metric, higher in HIGHER_IS_BETTER.items():
        printed = [_printed(line.cells[metric]) for line in lines if line.cells]
        if len(printed) > 1:
            best[metric] = max(printed) if higher else min(printed)
    return tuple(
        replace(
            line,
            cells={
                metric: replace(cell, best=_printed(cell) == best.get(metric))
                for metric, cell in line.cells.items()
            },
        )
        for line in lines
    )


def _printed(cell: Cell) -> float:
    return round(cell.estimate.value, DIGITS)


def _faces(groups: Collection[Group], targets: Sequence[str]) -> str:
    """Say how many faces a target has, where it is one and all runs agree."""
    counts = {
        (run.tests[name].frames, len(run.tests[name].videos))
        for group in groups
        for run in group
        for name in targets
    }
    if len(targets) > 1 or len(counts) > 1:
        return ""
    return "{:,} frames of {:,} videos".format(*counts.pop())


def _place(name: str, order: Sequence[str]) -> int:
    return order.index(name) if name in order else len(order)


def _row_place(row: Row, suite: Suite | None) -> tuple[int, int, Row]:
    listed = [(v.method, v.name) for v in suite.variants] if suite else []
    known = listed.index(row[:2]) if row[:2] in listed else len(listed)
    return known, _place(row.method, list(METHODS)), row
