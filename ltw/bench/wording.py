"""What every format of a table says in the same words: captions, figures, places, counts."""

from __future__ import annotations

from collections.abc import Sequence

from ltw.bench.compare import Comparison
from ltw.bench.estimates import Estimate
from ltw.bench.figures import pretty
from ltw.bench.resampling import REPLICATES
from ltw.bench.tables import DIGITS, HIGHER_IS_BETTER, Line, Tables

COMPARED = "AUC of LTW minus that of the other"
NOT_COMPARABLE = "not compared: other faces or other seeds"

_LEVELS = {
    "frame": "Single frames.",
    "video": "Whole videos, each scored by the mean of its frames.",
}
_ONE_SEED = (
    f"In brackets, of one seed: the 95% interval over test videos, drawn anew {REPLICATES:,} "
    "times, reals and fakes apart; it does not cover what another seed would change."
)
_SEVERAL_SEEDS = (
    "In brackets, of several seeds: the 95% t interval over seeds and test videos (the variance "
    "over draws of the videos plus that between the seeds, at Satterthwaite's degrees of freedom)."
)
_SELECTION = (
    "Model selection (training.selection): the last epoch in the paper's suites, else that with "
    "the best AUC on validation faces of the sources; the target was read once, at the end."
)
_PUBLISHED = "In parentheses: as published (AAAI 2021; of how many seeds is not said)."


def caption(tables: Tables) -> list[str]:
    """Return what a reader of the figures must know, a sentence each."""
    few, many = tables.seeds
    cells = [cell for line in tables.lines for cell in line.cells.values()]
    said = {
        _LEVELS[tables.level]: True,
        f"Mean over {span(tables.seeds)} seeds." if many > 1 else "One seed.": True,
        _ONE_SEED: few == 1,
        _SEVERAL_SEEDS: many > 1,
        _SELECTION: True,
        "Bold: the best of a column.": any(cell.best for cell in cells),
        _PUBLISHED: any(cell.published is not None for cell in cells),
    }
    return [sentence for sentence, holds in said.items() if holds]


def comparison_caption(comparisons: Sequence[Comparison]) -> list[str]:
    """Return how the differences were taken."""
    return [
        "A positive difference is in favour of LTW.",
        "Both methods are measured on the same drawn videos, over the seeds that both have.",
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
    return f"{c.benchmark}, {pretty(c.target)}"


def difference(e: Estimate | None) -> str:
    """Return a difference with its interval, signed."""
    if e is None:
        return NOT_COMPARABLE
    value = _signed(e.value)
    if e.low is None or e.high is None:
        return value
    return f"{value} [{_signed(e.low)}, {_signed(e.high)}]"


def seeds(e: Estimate | None) -> str:
    """Say of how many seeds an estimate is; nothing where there is none."""
    return span(e.seeds) if e else ""


def span(counts: Sequence[int]) -> str:
    """Say sorted counts: of several the least and the most."""
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def count(line: Line, tables: Tables) -> str:
    """Say of how many seeds a row is, where rows differ in that."""
    few, many = tables.seeds
    cell = next(iter(line.cells.values()), None)
    return f", n={seeds(cell.estimate)}" if cell and few < many else ""


def arrow(metric: str) -> str:
    """Return which way is better."""
    return "↑" if HIGHER_IS_BETTER[metric] else "↓"


def number(value: float) -> str:
    """Return a figure as printed."""
    return f"{value:.{DIGITS}f}"


def interval(e: Estimate) -> str:
    """Return the interval of an estimate that has one."""
    return f"[{e.low:.{DIGITS}f}, {e.high:.{DIGITS}f}]"


def _signed(value: float) -> str:
    return f"{value:+.{DIGITS}f}".replace("-", "−")
