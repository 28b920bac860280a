"""Tables as Markdown, CSV, HTML and LaTeX: the same figures, captions and footnotes in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from ltw.bench import wording
from ltw.bench.latex import latex
from ltw.bench.pages import render_page
from ltw.bench.tables import METRICS, Cell, Line, Tables
from ltw.metrics import Estimate

CSV_COLUMNS = (
    *("table", "benchmark", "target", "method", "variant", "settings", "versus", "level"),
    *("metric", "value", "low", "high", "seeds", "published", "notes"),
)


def markdown(tables: Tables) -> str:
    """Return Markdown: a small table a benchmark and target, so that each fits a page."""
    parts = [" ".join(wording.caption(tables))]
    for section in tables.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            head = [
                "method",
                *(f"{label} {wording.arrow(metric)}" for metric, label in METRICS.items()),
            ]
            rows = [
                [
                    _pipe(str(line.row)) + wording.count(line, tables) + _marks(line),
                    *(_markdown_cell(line.cells.get(metric)) for metric in METRICS),
                ]
                for line in block.lines
            ]
            faces = f" ({block.faces})" if block.faces else ""
            parts.append(f"**{block.title}**{faces}\n\n" + _markdown_table(head, rows))
    if tables.comparisons:
        parts.append("## LTW against each other method")
        parts.append(" ".join(wording.comparison_caption(tables.comparisons)))
        for title, pair in wording.pairs(tables.comparisons):
            rows = [
                [wording.where(c), wording.difference(c.difference), wording.seeds(c.difference)]
                for c in pair
            ]
            parts.append(
                f"**{title}**\n\n" + _markdown_table(["benchmark", wording.COMPARED, "seeds"], rows)
            )
    parts.extend(f"[^{number}]: {note}" for number, note in enumerate(tables.notes, 1))
    return "\n\n".join(parts) + "\n"


def _marks(line: Line) -> str:
    return "".join(f" [^{note}]" for note in line.notes)


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    value = (
        f"**{wording.number(cell.estimate.value)}**"
        if cell.best
        else wording.number(cell.estimate.value)
    )
    return " ".join(filter(None, [value, *_beside(cell)]))


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _beside(cell: Cell) -> Iterator[str]:
    """Yield what stands beside a value: its interval and the published figure."""
    if cell.estimate.low is not None:
        yield wording.interval(cell.estimate)
    if cell.published is not None:
        yield f"({wording.number(cell.published)})"


def csv_text(tables: Tables) -> str:
    """Return one row a figure; ``versus`` names the other method where it is a difference."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for section in tables.sections:
        for block in section.blocks:
            for line in block.lines:
                for metric, cell in line.cells.items():
                    writer.writerow(
                        {
                            "table": section.title,
                            "benchmark": block.benchmark,
                            "target": block.target,
                            **line.row._asdict(),
                            "level": tables.level,
                            "metric": metric,
                            **_fields(cell.estimate),
                            "published": cell.published,
                            "notes": "; ".join(tables.notes[n - 1] for n in line.notes),
                        }
                    )
    for c in tables.comparisons:
        writer.writerow(
            {
                "table": "comparison",
                "benchmark": c.benchmark,
                "target": c.target,
                **c.row._asdict(),
                "versus": c.versus.method,
                "level": tables.level,
                "metric": "auc",
                **(_fields(c.difference) if c.difference else {"notes": wording.NOT_COMPARABLE}),
            }
        )
    return buffer.getvalue()


def _fields(e: Estimate) -> dict[str, object]:
    return {"value": e.value, "low": e.low, "high": e.high, "seeds": wording.seeds(e)}


def html(tables: Tables) -> str:
    """Return one page that needs nothing else, for light and dark, wide and narrow screens."""
    return render_page(
        "table.html.j2",
        {"number": wording.number, "interval": wording.interval, "arrow": wording.arrow},
        tables=tables,
        caption=wording.caption(tables),
        comparison_caption=wording.comparison_caption(tables.comparisons),
        pairs=wording.pairs(tables.comparisons),
        where=wording.where,
        difference=wording.difference,
        seeds=wording.seeds,
        n=wording.count,
        metrics=METRICS,
        compared=wording.COMPARED,
    )


FORMATS: dict[str, Callable[[Tables], str]] = {
    "md": markdown,
    "csv": csv_text,
    "latex": latex,
    "html": html,
}


def _pipe(text: str) -> str:
    return text.replace("|", "\\|")
