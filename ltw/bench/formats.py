"""Tables as Markdown, LaTeX, HTML and CSV: the same figures, captions and footnotes in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from ltw.bench.compare import Comparison
from ltw.bench.estimates import Estimate
from ltw.bench.figures import pretty
from ltw.bench.pages import render_page
from ltw.bench.resampling import REPLICATES
from ltw.bench.tables import DIGITS, HIGHER_IS_BETTER, METRICS, Block, Cell, Line, Section, Tables

COMPARED = "AUC of LTW minus that of the other"
NOT_COMPARABLE = "not compared: other faces or other seeds"
CSV_COLUMNS = (
    *("table", "benchmark", "target", "method", "variant", "settings", "versus", "level"),
    *("metric", "value", "low", "high", "seeds", "published", "notes"),
)

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
    "Model selection: the epoch with the best AUC on validation faces of the sources; the target "
    "was read once, at the end."
)
_PUBLISHED = "In parentheses: as published (AAAI 2021; of how many seeds is not said)."


def caption(tables: Tables) -> list[str]:
    """Return what a reader of the figures must know, a sentence each."""
    few, many = tables.seeds
    cells = [cell for line in tables.lines for cell in line.cells.values()]
    seeds = f"{few}" if few == many else f"{few} to {many}"
    said = {
        _LEVELS[tables.level]: True,
        f"Mean over {seeds} seeds." if many > 1 else "One seed.": True,
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


def markdown(tables: Tables) -> str:
    """Return Markdown: a small table a benchmark and target, so that each fits a page."""
    parts = [" ".join(caption(tables))]
    for section in tables.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            head = ["method", *(f"{label} {_arrow(metric)}" for metric, label in METRICS.items())]
            rows = [
                [
                    _pipe(str(line.row)) + _n(line, tables) + _marks(line),
                    *(_markdown_cell(line.cells.get(metric)) for metric in METRICS),
                ]
                for line in block.lines
            ]
            faces = f" ({block.faces})" if block.faces else ""
            parts.append(f"**{block.title}**{faces}\n\n" + _markdown_table(head, rows))
    if tables.comparisons:
        parts.append("## LTW against each other method")
        parts.append(" ".join(comparison_caption(tables.comparisons)))
        for title, pair in _pairs(tables.comparisons):
            rows = [[_where(c), _difference(c.difference), _seeds(c.difference)] for c in pair]
            parts.append(
                f"**{title}**\n\n" + _markdown_table(["benchmark", COMPARED, "seeds"], rows)
            )
    parts.extend(f"[^{number}]: {note}" for number, note in enumerate(tables.notes, 1))
    return "\n\n".join(parts) + "\n"


def _marks(line: Line) -> str:
    return "".join(f" [^{note}]" for note in line.notes)


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    value = f"**{_number(cell.estimate.value)}**" if cell.best else _number(cell.estimate.value)
    return " ".join(filter(None, [value, *_beside(cell)]))


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _beside(cell: Cell) -> Iterator[str]:
    """Yield what stands beside a value: its interval and the published figure."""
    if cell.estimate.low is not None:
        yield _interval(cell.estimate)
    if cell.published is not None:
        yield f"({_number(cell.published)})"


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
                **(_fields(c.difference) if c.difference else {"notes": NOT_COMPARABLE}),
            }
        )
    return buffer.getvalue()


def _fields(e: Estimate) -> dict[str, object]:
    return {"value": e.value, "low": e.low, "high": e.high, "seeds": _seeds(e)}


def latex(tables: Tables) -> str:
    """Return one ``table*`` a section, two targets wide, for the packages booktabs and caption."""
    parts = ["% \\usepackage{booktabs}"]
    parts.extend(_latex_section(section, tables) for section in tables.sections)
    for title, pair in _pairs(tables.comparisons):
        rows = [f"{_tex(_where(c))} & {_tex(_difference(c.difference))} \\\\" for c in pair]
        head = f"benchmark & {COMPARED} \\\\"
        words = " ".join([f"{title}.", *comparison_caption(tables.comparisons)])
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
            counts = dict.fromkeys(_n(line, tables) for line in lines if line)
            name = _tex(str(row)) + "".join(counts) + marks
            body.append(" & ".join([name, *map(_latex_value, cells)]) + " \\\\")
            under = [
                _interval(c.estimate) if c and c.estimate.low is not None else "" for c in cells
            ]
            body.append(
                " & ".join(["", *(f"{{\\tiny {i}}}" if i else "" for i in under)]) + " \\\\"
            )
    used = sorted({note for block in section.blocks for x in block.lines for note in x.notes})
    words = [f"{section.title}.", *caption(tables)]
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
    value = _number(cell.estimate.value)
    value = f"\\textbf{{{value}}}" if cell.best else value
    return value if cell.published is None else f"{value} ({_number(cell.published)})"


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


def html(tables: Tables) -> str:
    """Return one page that needs nothing else, for light and dark, wide and narrow screens."""
    return render_page(
        "table.html.j2",
        {"number": _number, "interval": _interval, "arrow": _arrow},
        tables=tables,
        caption=caption(tables),
        comparison_caption=comparison_caption(tables.comparisons),
        pairs=list(_pairs(tables.comparisons)),
        where=_where,
        difference=_difference,
        seeds=_seeds,
        n=_n,
        metrics=METRICS,
        compared=COMPARED,
    )


FORMATS: dict[str, Callable[[Tables], str]] = {
    "md": markdown,
    "csv": csv_text,
    "latex": latex,
    "html": html,
}


def _pairs(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Comparison]]]:
    pairs: dict[str, list[Comparison]] = {}
    for c in comparisons:
        pairs.setdefault(f"{c.row} − {c.versus}", []).append(c)
    return list(pairs.items())


def _where(c: Comparison) -> str:
    if c.target is None:
        return f"mean of these {len(c.benchmarks)} benchmarks"
    return f"{c.benchmark}, {pretty(c.target)}"


def _difference(e: Estimate | None) -> str:
    if e is None:
        return NOT_COMPARABLE
    value = _signed(e.value)
    if e.low is None or e.high is None:
        return value
    return f"{value} [{_signed(e.low)}, {_signed(e.high)}]"


def _seeds(e: Estimate | None) -> str:
    if e is None:
        return ""
    return f"{e.seeds[0]}" if e.seeds[0] == e.seeds[1] else f"{e.seeds[0]} to {e.seeds[1]}"


def _n(line: Line, tables: Tables) -> str:
    """Say of how many seeds a row is, where rows differ in that."""
    few, many = tables.seeds
    return f", n={line.seeds}" if few < many and line.cells else ""


def _arrow(metric: str) -> str:
    return "↑" if HIGHER_IS_BETTER[metric] else "↓"


def _number(value: float) -> str:
    return f"{value:.{DIGITS}f}"


def _interval(e: Estimate) -> str:
    return f"[{e.low:.{DIGITS}f}, {e.high:.{DIGITS}f}]"


def _signed(value: float) -> str:
    return f"{value:+.{DIGITS}f}".replace("-", "−")


def _pipe(text: str) -> str:
    return text.replace("|", "\\|")
