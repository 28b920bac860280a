"""Page: tables and figures of finished runs on one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import jinja2
import matplotlib as mpl
from markupsafe import Markup, escape

from ltw.errors import DataError
from ltw.files import atomic, write_text
from ltw.labels import METRIC_NAMES, arrow, domain_name, interval, method_name, number, plural
from ltw.metrics import LEVELS
from ltw.palette import theme_css
from ltw.report import captions
from ltw.report.figures import draw_figures
from ltw.report.figures.captioned import CaptionedFigure
from ltw.report.figures.style import method_colour, svg
from ltw.report.findings import findings
from ltw.report.settings import describe_training
from ltw.report.tables import Tables, make_tables
from ltw.results.runs import Run, read_runs

DPI = 200
FINDINGS = 6
"""Of so many rows at most the results are said in words; tables and figures say more better."""
FIGURE_FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Page:
    """What a page shows, in this order; what is empty is not mentioned."""

    title: str
    lead: Sequence[str] = ()
    """Sentences of the opening."""
    reached: Sequence[str] = ()
    """What every method reaches."""
    verdicts: Sequence[str] = ()
    """How methods differ."""
    tables: Sequence[Tables] = ()
    figures: Sequence[CaptionedFigure] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    """Experiment files by what they are of."""
    footer: str = ""

    def html(self) -> str:
        """Return the page, for light and dark, wide and narrow screens."""
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("ltw.report"),
            autoescape=True,
            trim_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        environment.filters |= {"domain_name": domain_name, "number": number, "arrow": arrow}
        by_section = groupby(sorted(self.figures, key=lambda f: f.section), lambda f: f.section)
        return environment.get_template("page.html.j2").render(
            page=self,
            sections={name: list(figures) for name, figures in by_section},
            captions=captions,
            metrics=METRIC_NAMES,
            interval=interval,
            colour=lambda method: method_colour(method).name,
            inline=_inline,
            theme=theme_css(),
            version=version("ltw"),
        )


def suite_page(out: Path, *, title: str, footer: str = "", configs: bool = False) -> Page:
    """Return the page of the finished runs of the suite in ``out``: findings, tables, figures.

    What lacks its data is left out, with the reason.

    Raises:
        DataError: as `read_runs`.
    """
    runs = read_runs(out)
    drawn, left_out = draw_figures(runs)
    reached: list[str] = []
    verdicts: list[str] = []
    tables: list[Tables] = []
    try:
        reached, verdicts = findings(runs)
        tables = [make_tables(runs, level=level) for level in LEVELS]
    except DataError as error:
        left_out["tables"] = str(error)
    few = len(reached) <= FINDINGS
    return Page(
        title,
        lead=_lead(runs),
        reached=reached if few else (),
        verdicts=verdicts if few else (),
        tables=tables,
        figures=drawn,
        left_out=left_out,
        configs={str(r.row): r.config.to_toml() for r in runs} if configs else {},
        footer=footer,
    )


def _lead(runs: Sequence[Run]) -> list[str]:
    methods = [method_name(method) for method in dict.fromkeys(run.row.method for run in runs)]
    return [
        f"From {plural(len(runs), 'finished run')}, {plural(len({r.seed for r in runs}), 'seed')}, "
        f"of {', '.join(methods)}, trained with {describe_training(runs)}.",
        "Each was trained on some forgeries and tested on videos kept apart from training, among "
        "them forgeries never seen in it; no test face chose anything.",
        "A method has the same colour and line in every figure.",
    ]


def write_suite_page(out: Path, folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Draw every figure of the finished runs in ``out`` into ``folder``, with the page of them.

    Returns the files, the page (index.html) first, and the figures left out with the reason.

    Raises:
        DataError: as `suite_page`.
    """
    page = suite_page(out, title="Results")
    files = [path for figure in page.figures for path in _save(figure, folder)]
    write_text(folder / "index.html", page.html())
    return [folder / "index.html", *files], dict(page.left_out)


def _save(figure: CaptionedFigure, folder: Path) -> list[Path]:
    """Write a figure's files; the same data give the same bytes."""
    paths = [folder / f"{figure.name}.{suffix}" for suffix in FIGURE_FORMATS]
    undated = {"png": None, "pdf": {"CreationDate": None}}
    for path, suffix in zip(paths, FIGURE_FORMATS, strict=True):
        with atomic(path) as part, mpl.rc_context({"pdf.fonttype": 42}):
            figure.figure.savefig(part, format=suffix, dpi=DPI, metadata=undated[suffix])
    return paths


def _inline(figure: CaptionedFigure) -> Markup:
    """Return a figure as inline SVG with its words as text alternative."""
    text = svg(figure.figure, figure.name.replace(".", "-").replace("=", "-"))
    label = escape(f"{figure.title}. {figure.caption}")
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))
