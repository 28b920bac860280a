"""Captions: what every format of a table says in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from ltw.labels import LEVEL_NAMES, difference, domain_name, plural, span
from ltw.metrics import REPLICATES, Estimate
from ltw.report.tables import Line, Tables
from ltw.results.comparisons import Comparison

COMPARED = "AUC of LTW minus that of the other"
NOT_COMPARABLE = "not compared: other faces or other seeds"

_ONE_SEED = (
    "In brackets, of one seed: the 95% confidence interval over test sets; it does not cover what "
    "another seed would change."
)
_SEVERAL_SEEDS = (
    "In brackets, of several seeds: the 95% confidence interval over seeds and test sets (t; the "
    "variance over draws of the test set plus that between the seeds, at Satterthwaite's degrees "
    "of freedom)."
)
_RESAMPLED = {
    "person": f"Test sets by the bootstrap: people drawn anew {REPLICATES:,} times, each with all "
    "videos that show them, real and forged.",
    "video": f"Test sets by the bootstrap: whole videos drawn anew {REPLICATES:,} times, reals and "
    "fakes apart.",
}
_SELECTION = {
    "best": "Model selection: the epoch with the best AUC on validation faces of the sources; the "
    "target was read once, at the end.",
    "last": "Model selection: the last epoch, as in the paper; the target was read once, at the "
    "end.",
}
_PUBLISHED = "In parentheses: as published (AAAI 2021; of how many seeds is not said)."


def caption(tables: Tables) -> list[str]:
    """Return what a reader of the figures must know, a sentence each."""
    few, many = tables.seeds
    cells = [cell for line in tables.lines for cell in line.cells.values()]
    said = {
        LEVEL_NAMES[tables.level]: True,
        f"Trained with {tables.training}.": True,
        f"Mean over {span(tables.seeds)} seeds." if many > 1 else "One seed.": True,
        _ONE_SEED: few == 1,
        _SEVERAL_SEEDS: many > 1,
        **{_RESAMPLED[unit]: True for unit in tables.resampled},
        f"Intervals are too narrow where {plural(tables.few_people, 'person')} "
        "appear in several videos: people are too few there to be drawn.": tables.few_people > 0,
        **{_SELECTION[rule]: True for rule in tables.selection},
        "Bold: the best of a column.": any(cell.best for cell in cells),
        _PUBLISHED: any(cell.published is not None for cell in cells),
        f"Published figures are withheld: {'; '.join(tables.withheld)}.": bool(tables.withheld),
    }
    return [sentence for sentence, holds in said.items() if holds]


def comparison_caption(comparisons: Sequence[Comparison]) -> list[str]:
    """Return how the differences were taken."""
    return [
        "A positive difference is in favour of LTW.",
        "Paired: both methods are measured on the same drawn test sets, over the seeds that both "
        "have.",
        "In a mean each benchmark counts as much.",
        f"Intervals in this part: {len(comparisons)}. They are not widened for their number: of "
        "20, one is expected to miss what it estimates.",
    ]


def pairs(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Comparison]]]:
    """Return the comparisons of two rows together, under their title."""
    found: dict[str, list[Comparison]] = {}
    for c in comparisons:
        found.setdefault(f"{c.row} − {c.versus}", []).append(c)
    return list(found.items())


def where(c: Comparison) -> str:
    """Say where two rows were compared."""
    if c.target is None:
        return f"mean of these {len(c.benchmarks)} benchmarks"
    return f"{c.benchmark}, {domain_name(c.target)}"


def compared(e: Estimate | None) -> str:
    """Return a difference with its interval, signed, or that there is none."""
    return NOT_COMPARABLE if e is None else difference(e.value, e.low, e.high)


def seeds(e: Estimate | None) -> str:
    """Say of how many seeds an estimate is; nothing where there is none."""
    return span(e.seeds) if e else ""


def count(line: Line, tables: Tables) -> str:
    """Say of how many seeds a row is, where rows differ in that."""
    few, many = tables.seeds
    cell = next(iter(line.cells.values()), None)
    return f", n={seeds(cell.estimate)}" if cell and few < many else ""
