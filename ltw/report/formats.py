"""Formats of a table: Markdown, CSV, HTML and LaTeX, with the same figures, captions and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from ltw.labels import METRIC_NAMES, arrow, interval, number
from ltw.metrics import Estimate
from ltw.report import captions
from ltw.report.latex import latex
from ltw.report.page import Page
from ltw.report.tables import Cell, Line, Tables

CSV_COLUMNS = (
    *("table", "benchmark", "target", "method", "variant", "settings", "versus", "level"),
    *("metric", "value", "low", "high", "seeds", "published", "notes", "training"),
)


def markdown(tables: Tables) -> str:
    """Return Markdown: a small table a benchmark and target, so that each fits a page."""
    parts = [" ".join(captions.caption(tables))]
    for section in tables.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            head = [
                "method",
                *(f"{label} {arrow(metric)}" for metric, label in METRIC_NAMES.items()),
            ]
            rows = [
                [
                    str(line.row).replace("|", "\\|") + captions.count(line, tables) + _marks(line),
                    *(_markdown_cell(line.cells.get(metric)) for metric in METRIC_NAMES),
                ]
                for line in block.lines
            ]
            faces = f" ({block.faces})" if block.faces else ""
            parts.append(f"**{block.title}**{faces}\n\n" + _markdown_table(head, rows))
    if tables.comparisons:
        parts.append("## LTW against each other method")
        parts.append(" ".join(captions.comparison_caption(tables.comparisons)))
        for title, pair in captions.pairs(tables.comparisons):
            rows = [
                [captions.where(c), captions.compared(c.difference), captions.seeds(c.difference)]
                for c in pair
            ]
            parts.append(
                f"**{title}**\n\n"
                + _markdown_table(["benchmark", captions.COMPARED, "seeds"], rows)
            )
    parts.extend(f"[^{number}]: {note}" for number, note in enumerate(tables.notes, 1))
    return "\n\n".join(parts) + "\n"


def _marks(line: Line) -> str:
    return "".join(f" [^{note}]" for note in line.notes)


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    value = number(cell.estimate.value)
    value = f"**{value}**" if cell.best else value
    return " ".join(filter(None, [value, *_beside(cell)]))


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _beside(cell: Cell) -> Iterator[str]:
    """Yield what stands beside a value: its interval and the published figure."""
    if cell.estimate.low is not None:
        yield interval(cell.estimate.low, cell.estimate.high)
    if cell.published is not None:
        yield f"({number(cell.published)})"


def csv_text(tables: Tables) -> str:
    """Return one row a figure; ``versus`` names the other method where it is a difference."""
    rows = [
        {
            "table": section.title,
            "benchmark": block.benchmark,
            "target": block.target,
            **line.row._asdict(),
            "metric": metric,
            **_fields(cell.estimate),
            "published": cell.published,
            "notes": "; ".join(tables.notes[n - 1] for n in line.notes),
            "level": tables.level,
            "training": line.training,
        }
        for section in tables.sections
        for block in section.blocks
        for line in block.lines
        for metric, cell in line.cells.items()
    ]
    rows += [
        {
            "table": "comparison",
            "benchmark": c.benchmark,
            "target": c.target,
            **c.row._asdict(),
            "versus": c.versus.method,
            "metric": "auc",
            **(_fields(c.difference) if c.difference else {"notes": captions.NOT_COMPARABLE}),
            "level": tables.level,
        }
        for c in tables.comparisons
    ]
    return pd.DataFrame(rows, columns=CSV_COLUMNS).to_csv(index=False)


def _fields(e: Estimate) -> dict[str, object]:
    return {"value": e.value, "low": e.low, "high": e.high, "seeds": captions.seeds(e)}


def html(tables: Tables) -> str:
    """Return one page that needs nothing else, for light and dark, wide and narrow screens."""
    return Page("Results", tables=(tables,)).html()


FORMATS: dict[str, Callable[[Tables], str]] = {
    "md": markdown,
    "csv": csv_text,
    "latex": latex,
    "html": html,
}
