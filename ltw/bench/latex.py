"""Tables as LaTeX, for the packages booktabs and caption."""

from __future__ import annotations

from collections.abc import Sequence

from ltw.bench import wording
from ltw.bench.tables import METRICS, Block, Cell, Section, Tables


def latex(tables: Tables) -> str:
    """Return one ``table*`` a section, two targets wide, for the packages booktabs and caption."""
    parts = ["% \\usepackage{booktabs}"]
    parts.extend(_latex_section(section, tables) for section in tables.sections)
    for title, pair in wording.pairs(tables.comparisons):
        rows = [
            f"{_tex(wording.where(c))} & {_tex(wording.difference(c.difference))} \\\\"
            for c in pair
        ]
        head = f"benchmark & {wording.COMPARED} \\\\"
        words = " ".join([f"{title}.", *wording.comparison_caption(tables.comparisons)])
        parts.append(_latex_table("lr", [head, "\\midrule", *rows], words))
    return "\n\n".join(parts) + "\n"


def _latex_section(section: Section, tables: Tables) -> str:
    body: list[str] = []
    wide = min(2, len(section.blocks))
    for pair in (section.blocks[i : i + wide] for i in range(0, len(section.blocks), wide)):
        body += ["\\midrule"] if body else []
        body += _latex_heads(pair)
        rows = dict.fromkeys(line.row for block in pair for line in block.lines)
        for row in rows:
            lines = [next((x for x in block.lines if x.row == row), None) for block in pair]
            cells = [line.cells.get(m) if line else None for line in lines for m in METRICS]
            notes = sorted({note for line in lines if line for note in line.notes})
            marks = f"\\textsuperscript{{{','.join(map(str, notes))}}}" if notes else ""
            counts = dict.fromkeys(wording.count(line, tables) for line in lines if line)
            name = _tex(str(row)) + "".join(counts) + marks
            body.append(" & ".join([name, *map(_latex_value, cells)]) + " \\\\")
            under = [
                wording.interval(c.estimate) if c and c.estimate.low is not None else ""
                for c in cells
            ]
            body.append(
                " & ".join(["", *(f"{{\\tiny {i}}}" if i else "" for i in under)]) + " \\\\"
            )
    used = sorted({note for block in section.blocks for x in block.lines for note in x.notes})
    words = [f"{section.title}.", *wording.caption(tables)]
    words += [f"({number}) {tables.notes[number - 1]}." for number in used]
    return _latex_table("l" + "c" * (wide * len(METRICS)), body, " ".join(words))


def _latex_heads(blocks: Sequence[Block]) -> list[str]:
    n = len(METRICS)
    titles = [f"\\multicolumn{{{n}}}{{c}}{{{_tex(block.title)}}}" for block in blocks]
    rules = [f"\\cmidrule(lr){{{2 + n * i}-{1 + n * (i + 1)}}}" for i in range(len(blocks))]
    labels = [label for _ in blocks for label in METRICS.values()]
    return [
        " & ".join(["", *titles]) + " \\\\ " + " ".join(rules),
        " & ".join(["method", *labels]) + " \\\\",
        "\\midrule",
    ]


def _latex_value(cell: Cell | None) -> str:
    if cell is None:
        return ""
    value = wording.number(cell.estimate.value)
    value = f"\\textbf{{{value}}}" if cell.best else value
    return value if cell.published is None else f"{value} ({wording.number(cell.published)})"


def _latex_table(spec: str, body: Sequence[str], words: str) -> str:
    return "\n".join(
        [
            "\\begin{table*}[t]",
            "\\centering\\footnotesize\\setlength{\\tabcolsep}{2pt}",
            f"\\caption{{{_tex(words)}}}",
            f"\\begin{{tabular}}{{{spec}}}",
            "\\toprule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table*}",
        ]
    )


_TEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "λ": "$\\lambda$",
    "β": "$\\beta$",
    "−": "$-$",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
