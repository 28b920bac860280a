"""Tables of finished runs: the paper's where its runs are there, and one layout for all others.

A cell that was not run is empty. The published figure stands beside a cell where benchmark,
backbone, method, target and metric are the same and all settings are those of the paper's suites.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ltw.bench.suites import PAPER_TABLES, Suite
from ltw.engine.schema import Benchmark
from ltw.labels import DIGITS, HIGHER_IS_BETTER, LIMITS, METRIC_NAMES, domain_name
from ltw.methods import METHODS
from ltw.metrics import Estimate, Level, Sample, estimate
from ltw.report.settings import departures, describe_training, selection_rule
from ltw.results.comparisons import Comparison, compare
from ltw.results.published import BENCHMARKS, PublishedKey, published
from ltw.results.runs import Group, Groups, Row, Run, group_by_seed

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
    training: str = ""
    """How its runs were trained, in words."""


@dataclass(frozen=True)
class Block:
    """What the methods reach on one target of one benchmark; ``faces`` says on how many.

    ``target`` empty: on the mean of several benchmarks, which counts each as much.
    """

    benchmark: str
    target: str
    faces: str
    lines: tuple[Line, ...]
    unseen: bool = False
    """Whether the target's forgery was never trained on, where others of the benchmark were."""

    @property
    def title(self) -> str:
        """Return the benchmark with its target."""
        if not self.target:
            return f"{self.benchmark} benchmarks".capitalize()
        return f"{self.benchmark}, tested on {domain_name(self.target)}"


@dataclass(frozen=True)
class TableSection:
    """A table: blocks under one title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Tables:
    """Everything that `ltw.bench.formats` renders; footnotes are numbered from 1."""

    level: Level
    sections: tuple[TableSection, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    training: str
    """How the runs were trained, in words."""
    selection: tuple[str, ...]
    """The rules by which an epoch was chosen."""
    resampled: tuple[str, ...]
    """What was drawn for the intervals: people, videos, or either, by test."""
    few_people: int
    """The fewest people who appear in several videos though they are too few to be drawn; or 0."""
    withheld: tuple[str, ...]
    """Why published figures do not stand beside runs of the paper's benchmarks."""

    @property
    def lines(self) -> list[Line]:
        """Return every row of every block."""
        return [line for s in self.sections for block in s.blocks for line in block.lines]

    @property
    def seeds(self) -> tuple[int, int]:
        """Return the fewest and the most seeds of a row."""
        counts = [cell.estimate.seeds for line in self.lines for cell in line.cells.values()]
        return min(few for few, _ in counts), max(many for _, many in counts)


def make_tables(
    runs: Sequence[Run], *, level: Level = "frame", versus: Collection[str] = ()
) -> Tables:
    """Return the tables of sorted ``runs``.

    LTW is compared with the methods ``versus``, by default with every other.

    Raises:
        DataError: a file of a run is missing or damaged.
        ConfigError: no run is of a method in ``versus``, or none of LTW.
    """
    groups = group_by_seed(runs)
    notes = tuple(dict.fromkeys(note for group in groups.values() for note in group.notes))
    draws = [d for run in runs for test in run.tests.values() if (d := test.draws()) is not None]
    return Tables(
        level,
        sections=tuple(
            TableSection(title, tuple(_blocks(keys, groups, suite, level, notes)))
            for title, suite, keys in _layout(groups)
        ),
        comparisons=tuple(compare(groups, versus, level)),
        notes=notes,
        training=describe_training(runs),
        selection=tuple(dict.fromkeys(selection_rule(run.config) for run in runs)),
        resampled=tuple(sorted({d.unit for d in draws})),
        few_people=min((d.few_people for d in draws if d.few_people), default=0),
        withheld=tuple(dict.fromkeys(_withheld(runs, level))),
    )


def _withheld(runs: Sequence[Run], level: Level) -> Iterator[str]:
    """Yield why the paper's figures do not stand beside its benchmarks' runs."""
    paper = [run for run in runs if run.benchmark.name in BENCHMARKS]
    if paper and level != "frame":
        yield "they are of single frames"
        return
    known = {(key.method, key.benchmark) for key in published()}
    for run in paper:
        if (run.row.method, run.benchmark.name) not in known or "=" in run.row.variant:
            continue  # nothing is published of it, or a sweep, which says what it changes
        if changed := departures(run.config, run.row.variant):
            yield f"{run.row} has {', '.join(changed)}, in parentheses the paper's"


Key = tuple[str, Row]


def _layout(groups: Groups) -> Iterator[tuple[str, Suite | None, list[Key]]]:
    """Yield a title, the paper's suite if it is one, and the rows by benchmark that go there.

    A table of the paper is there if it holds a run that none before it does. A run of one of the
    paper's benchmarks that is in none of its tables joins the first with that benchmark.
    """
    shown: set[Key] = set()
    found: dict[str, tuple[Suite, list[Key]]] = {}
    for suite in PAPER_TABLES:
        rows = {(v.method, v.name) for v in suite.variants}
        benchmarks = {b.name for b in suite.benchmarks}
        here = [key for key in groups if key[0] in benchmarks and (key[1][:2]) in rows]
        if not shown.issuperset(here):
            found[suite.title] = (suite, here)
            shown.update(here)
    others: list[Key] = []
    for key in (key for key in groups if key not in shown):
        places = [
            own for suite, own in found.values() if key[0] in {b.name for b in suite.benchmarks}
        ]
        (places[0] if places else others).append(key)
    for title, (suite, keys) in found.items():
        yield title, suite, keys
    if others:
        yield ("Other benchmarks" if found else "Results"), None, others


def _blocks(
    keys: Sequence[Key],
    groups: Groups,
    suite: Suite | None,
    level: Level,
    notes: Sequence[str],
) -> Iterator[Block]:
    order = [b.name for b in suite.benchmarks] if suite else []
    rows = sorted({row for _, row in keys}, key=lambda row: _row_place(row, suite))
    names = sorted({name for name, _ in keys}, key=lambda n: (_place(n, order), n))
    if suite is None and len(names) > 1:
        yield from _mean_block(names, rows, groups, level, notes)
    for name in names:
        here = {row: groups[name, row] for row in rows if (name, row) in keys}
        benchmark = next(iter(here.values()))[0].benchmark
        only_average = suite is not None and suite.name == "table6"
        for target, targets in columns(benchmark, only_average=only_average).items():
            lines = [
                Line(
                    row,
                    _cells(here[row], target, targets, suite, level),
                    _numbers(here[row].notes, notes),
                    describe_training(here[row]),
                )
                if row in here
                else Line(row, {}, ())
                for row in rows
            ]
            known = set(benchmark.targets) & set(benchmark.sources)
            unseen = bool(known) and not known.intersection(targets)
            faces = _faces(here.values(), targets)
            yield Block(name, target, faces, _with_best(lines), unseen)


def _mean_block(
    names: Sequence[str],
    rows: Sequence[Row],
    groups: Groups,
    level: Level,
    notes: Sequence[str],
) -> Iterator[Block]:
    """Yield the mean over the benchmarks of the rows that were run on all; nothing if none was."""
    lines = []
    for row in rows:
        own = [groups[name, row] for name in names if (name, row) in groups]
        if len(own) < len(names):
            lines.append(Line(row, {}, ()))
            continue
        cells = {
            metric: Cell(
                estimate([_sample(group, metric, level) for group in own], LIMITS[metric]), None
            )
            for metric in METRIC_NAMES
        }
        said = dict.fromkeys(note for group in own for note in group.notes)
        trained = describe_training([run for group in own for run in group])
        lines.append(Line(row, cells, _numbers(said, notes), trained))
    if any(line.cells for line in lines):
        yield Block(f"mean of {len(names)}", "", "", _with_best(lines))


def _sample(group: Group, metric: str, level: Level) -> Sample:
    return group.sample(group[0].benchmark.targets, metric, level)


def _numbers(own: Iterable[str], notes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of a row's notes."""
    return tuple(notes.index(note) + 1 for note in own)


def columns(benchmark: Benchmark, *, only_average: bool = False) -> dict[str, tuple[str, ...]]:
    """Return a benchmark's targets as tables show them, each with the targets that it is a mean of.

    As in the paper's Table 4, the forgeries that were trained on are one column, their mean. Its
    Table 6 shows one mean over all (it does not say of what; its figures fit that of the six sets).
    Of other benchmarks every target is a column, those never seen first.
    """
    if only_average:
        return {AVERAGE: benchmark.targets}
    known = tuple(target for target in benchmark.targets if target in benchmark.sources)
    unseen = {target: (target,) for target in benchmark.targets if target not in known}
    if benchmark.name not in BENCHMARKS:
        return {**unseen, **{target: (target,) for target in known}}
    return {**unseen, **({OTHERS_AVERAGE: known} if known else {})}


def _cells(
    group: Group, target: str, targets: Sequence[str], suite: Suite | None, level: Level
) -> dict[str, Cell]:
    table = suite.name.removeprefix("table") if suite and level == "frame" else ""
    return {
        metric: Cell(
            group.estimate(targets, metric, level), _published(group, table, target, metric)
        )
        for metric in METRIC_NAMES
    }


def _published(group: Group, table: str, target: str, metric: str) -> float | None:
    config, row = group[0].config, group[0].row
    backbone = config.detector.backbone
    if row.variant not in ("", backbone) or departures(config, row.variant):
        return None
    name = group[0].benchmark.name
    return published().get(PublishedKey(table, row.method, backbone, name, target, metric))


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
        (run.targets[name].frames, run.targets[name].videos)
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
