"""LTW against each other method, as figures: the tables' differences at a glance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ltw.bench.compare import PAPER, Comparison, compare
from ltw.bench.figures.differences import Difference, differences_figure
from ltw.bench.figures.style import method_place, pretty
from ltw.bench.finished import Row, Run
from ltw.bench.plates import Plate
from ltw.bench.results import read_groups
from ltw.bench.wording import span
from ltw.errors import DataError

SECTION = "LTW against the others"


def differences(runs: Sequence[Run]) -> list[Plate]:
    """Return, of sorted ``runs``, a plate of means over benchmarks for each variant of LTW.

    The paper's benchmarks and others are apart. Where there is no mean, each target has a plate.

    Raises:
        DataError: as `read_groups`, or LTW stands beside no other method on the same faces.
    """
    found = [c for c in compare(read_groups(runs, "frame")) if c.difference is not None]
    if not found:
        raise DataError("no run of LTW beside one of another method, tested on the same faces")
    return list(_plates(found))


def _plates(found: Sequence[Comparison]) -> Iterator[Plate]:
    together: dict[tuple[Row, bool], list[Comparison]] = defaultdict(list)
    for c in found:
        together[c.row, c.benchmarks[0] in PAPER].append(c)
    for (row, paper), own in together.items():
        if means := [c for c in own if c.target is None]:
            counts = sorted(len(c.benchmarks) for c in means)
            title = f"{row} on the paper's benchmarks" if paper else str(row)
            words = f"Dots: means over {span(counts)} benchmarks. Ticks: single targets."
            yield _plate(title, words, means, own)
            continue
        for benchmark, target in dict.fromkeys((c.benchmark, c.target or "") for c in own):
            here = [c for c in own if (c.benchmark, c.target) == (benchmark, target)]
            yield _plate(f"{row} on {benchmark}, {pretty(target)}", "", here)


def _plate(
    title: str, words: str, shown: Sequence[Comparison], parts: Sequence[Comparison] = ()
) -> Plate:
    rows = [
        Difference(
            c.versus.method,
            c.difference,
            tuple(
                part.difference.value
                for part in parts
                if part.versus == c.versus and part.target and part.difference
            ),
        )
        for c in sorted(shown, key=lambda c: method_place(c.versus.method))
        if c.difference
    ]
    how = (
        "Single frames; 95% intervals over test videos and, where there are several, seeds; both "
        "methods are measured on the same drawn videos."
    )
    return Plate(SECTION, title, f"{words} {how}".strip(), differences_figure(rows))
