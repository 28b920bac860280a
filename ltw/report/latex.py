"""LaTeX of a table, by pandas' Styler, for the packages booktabs and caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from ltw.labels import METRIC_NAMES, interval, number
from ltw.report import captions
from ltw.report.tables import Cell, Tables, TableSection

_SYMBOLS = {"λ": "$\\lambda$", "β": "$\\beta$", "−": "$-$", "<": "$<$", ">": "$>$", "|": "$|$"}
_ESCAPES = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}
WIDE = 2
"""Targets side by side."""


def latex(tables: Tables) -> str:
    """Return one ``table*`` a section, two targets wide, for the packages booktabs and caption."""
    parts = ["% \\usepackage{booktabs}"]
    parts += [_section(section, tables) for section in tables.sections]
    for title, pair in captions.pairs(tables.comparisons):
        rows = pd.DataFrame(
            [tex(captions.compared(c.difference)) for c in pair],
            index=[tex(captions.where(c)) for c in pair],
            columns=pd.Index([captions.COMPARED], name="benchmark"),
        )
        words = [f"{title}.", *captions.comparison_caption(tables.comparisons)]
        parts.append(_table(rows, "lr", words))
    return "\n\n".join(parts) + "\n"


def _section(section: TableSection, tables: Tables) -> str:
    wide = min(WIDE, len(section.blocks))
    stacked = [_beside(section, i, wide, tables) for i in range(0, len(section.blocks), wide)]
    used = sorted({note for block in section.blocks for x in block.lines for note in x.notes})
    words = [f"{section.title}.", *captions.caption(tables)]
    words += [f"({number}) {tables.notes[number - 1]}." for number in used]
    first, *more = (_table(frame, "l" + "c" * frame.shape[1], words) for frame in stacked)
    for part in more:  # one table: its further rows, with heads of their own
        body = part[part.index("\\toprule") + len("\\toprule") : part.index("\\bottomrule")]
        first = first.replace("\\bottomrule", f"\\midrule{body}\\bottomrule")
    return first


def _beside(section: TableSection, start: int, wide: int, tables: Tables) -> pd.DataFrame:
    """Return a row a method and one below it for the intervals; columns (target, metric)."""
    blocks = section.blocks[start : start + wide]
    columns = pd.MultiIndex.from_tuples(
        [(tex(block.title), label) for block in blocks for label in METRIC_NAMES.values()],
        names=["", "method"],  # the head of the first column
    )
    names, values = [], []
    for row in dict.fromkeys(line.row for block in blocks for line in block.lines):
        lines = [next((x for x in block.lines if x.row == row), None) for block in blocks]
        cells = [line.cells.get(m) if line else None for line in lines for m in METRIC_NAMES]
        notes = sorted({note for line in lines if line for note in line.notes})
        marks = f"\\textsuperscript{{{','.join(map(str, notes))}}}" if notes else ""
        counts = "".join(dict.fromkeys(captions.count(line, tables) for line in lines if line))
        names += [tex(str(row)) + counts + marks, ""]
        values += [list(map(_value, cells)), list(_intervals(cells))]
    return pd.DataFrame(values, index=names, columns=columns)


def _value(cell: Cell | None) -> str:
    if cell is None:
        return ""
    value = number(cell.estimate.value)
    value = f"\\textbf{{{value}}}" if cell.best else value
    return value if cell.published is None else f"{value} ({number(cell.published)})"


def _intervals(cells: Sequence[Cell | None]) -> Iterator[str]:
    for cell in cells:
        words = interval(cell.estimate.low, cell.estimate.high) if cell else ""
        yield f"{{\\tiny {words}}}" if words else ""


def _table(frame: pd.DataFrame, columns: str, words: Sequence[str]) -> str:
    text: str = frame.style.to_latex(
        hrules=True,
        column_format=columns,
        multicol_align="c",
        environment="table*",
        position="t",
        caption=tex(" ".join(words)),
    )
    small = "\\centering\\footnotesize\\setlength{\\tabcolsep}{2pt}\n"
    return text.replace("\\begin{tabular}", f"{small}\\begin{{tabular}}", 1)


def tex(text: str) -> str:
    """Escape text, and write the symbols that names and numbers have as LaTeX does."""
    return "".join({**_ESCAPES, **_SYMBOLS}.get(character, character) for character in text)
