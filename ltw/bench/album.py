"""Every figure of a suite's runs, as files and on one page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from markupsafe import Markup, escape

from ltw.bench.against import SECTION, differences
from ltw.bench.figures.style import method_name, pretty, svg
from ltw.bench.finished import Run, read_runs
from ltw.bench.pages import render_page
from ltw.bench.plates import Job, Plate, jobs
from ltw.errors import DataError
from ltw.files import atomic, write_text

PAGE, DPI = "index.html", 200
FORMATS = ("png", "pdf")


def make_album(out: Path, album: Path) -> tuple[list[Path], dict[str, str]]:
    """Draw every figure of the finished runs below ``out`` into the folder ``album``.

    Returns the files, the page first, and the figures left out with the reason for each.

    Raises:
        DataError: as `read_runs`.
    """
    runs = read_runs(out)
    plates: list[Plate] = []
    left_out: dict[str, str] = {}
    files: list[Path] = []
    against: Job = (SECTION, partial(differences, runs))
    for name, make in (against, *jobs(runs)):
        try:
            made = make()
        except DataError as error:
            left_out[name] = str(error)
        else:
            plates += made
            files += [path for plate in made for path in _save(plate, album)]
    page = album / PAGE
    write_text(page, _page(runs, plates, left_out))
    return [page, *files], left_out


def _save(plate: Plate, album: Path) -> list[Path]:
    """Write a figure's files; the same data give the same bytes."""
    paths = [album / f"{plate.name}.{suffix}" for suffix in FORMATS]
    undated = {"png": None, "pdf": {"CreationDate": None}}
    for path, suffix in zip(paths, FORMATS, strict=True):
        with atomic(path) as part, mpl.rc_context({"pdf.fonttype": 42}):
            plate.figure.savefig(part, format=suffix, dpi=DPI, metadata=undated[suffix])
    return paths


def _page(runs: Sequence[Run], plates: Sequence[Plate], left_out: Mapping[str, str]) -> str:
    sections = {
        name: list(own)
        for name, own in groupby(sorted(plates, key=lambda p: p.section), lambda p: p.section)
    }
    return render_page(
        "figures.html.j2",
        {"pretty": pretty, "inline": _inline},
        sections=sections,
        left_out=left_out,
        methods=[method_name(m) for m in dict.fromkeys(run.row.method for run in runs)],
        runs=len(runs),
        seeds=len({run.seed for run in runs}),
    )


def _inline(plate: Plate) -> Markup:
    text = svg(plate.figure, plate.name.replace(".", "-").replace("=", "-"))
    label = escape(f"{plate.title}. {plate.caption}")
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))
