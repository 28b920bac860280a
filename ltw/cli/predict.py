"""Command `ltw predict`: scores files."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ltw.cli.output import end, list_failures, output
from ltw.progress import console

if TYPE_CHECKING:
    from ltw.infer import Detector, Prediction
    from ltw.infer.report import FileView

PREDICTION_COLUMNS = (
    "path",
    "kind",
    "verdict",
    "p_fake",
    "threshold",
    "faces",
    "people",
    "most_suspect_frame",
    "most_suspect_time",
    "warning",
    "error",
)
"""Columns of the CSV file: one row a file."""


def predict(
    paths: Annotated[
        list[str], typer.Argument(help="Images, videos, folders of them, and (quoted) globs.")
    ],
    model: Annotated[
        str,
        typer.Option(help="A run, a released detector, an ONNX file, or hf://owner/name."),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a file instead of a table.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a row a file to this CSV file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with pictures to this HTML file.")
    ] = None,
    frames: Annotated[
        int, typer.Option(min=1, help="Evenly spaced frames looked at in a video.")
    ] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that find faces; default: one a core.")
    ] = None,
) -> None:
    """Score files: is a face in them forged?

    Every face is found and scored. A photograph has the score of its most suspect face; a video
    that of its most suspect person, whose score is the mean over the frames they are seen in.
    Nothing leaves this computer, and only a model named hf://... may be fetched.

    Example: `ltw predict photo.jpg clips/ --model runs/gid-df23-ltw-0 --html report.html`
    """
    if not model.startswith("hf://"):
        os.environ["HF_HUB_OFFLINE"] = "1"
    from ltw.files import require_writable
    from ltw.infer import Detector
    from ltw.infer.inputs import list_files

    for path in filter(None, (csv, html)):
        require_writable(path)
    files, left_out = list_files(paths)
    detector = Detector.load(model)
    if detector.settings.caution:
        console.print(f"[yellow]note:[/] {detector.settings.caution}", soft_wrap=True)
    predictions: list[Prediction] = []
    entries: list[FileView] = []
    for prediction, entry in _score(detector, files, frames, workers, pictures=html is not None):
        predictions.append(prediction)
        entries += [entry] if entry else []
        if json:
            sys.stdout.write(prediction.to_json() + "\n")
            sys.stdout.flush()
    if not json:
        output.print(_table(predictions))
    if csv is not None:
        _write_csv(predictions, csv)
    if html is not None:
        from ltw.files import write_text
        from ltw.infer.report import render

        write_text(html, render(entries, detector.settings))
    list_failures(left_out, "folders with files that were left out")
    list_failures(_printable(predictions, "warning"), "damaged files, scored by what can be read")
    end(_printable(predictions, "error"), "files that could not be scored")


def _score(
    detector: Detector, files: Sequence[str], frames: int, workers: int | None, *, pictures: bool
) -> Iterator[tuple[Prediction, FileView | None]]:
    """Score the files in their order, with what a report shows of each if it has ``pictures``."""
    from ltw.infer import find_in, in_order
    from ltw.progress import progress_bar

    if pictures:
        from ltw.infer.report import make_view

    def judged() -> Iterator[tuple[int, tuple[Prediction, FileView | None]]]:
        for place, found in find_in(
            files, frames=frames, cut=detector.settings.cut, pictures=pictures, workers=workers
        ):
            prediction = detector.judge(found)
            entry = make_view(detector, found, prediction) if pictures else None
            advance()
            yield place, (prediction, entry)

    with progress_bar(f"score by {detector.settings.name}", len(files)) as advance:
        yield from in_order(judged())


def _table(predictions: Sequence[Prediction]) -> Table:
    from ltw.infer.inputs import printable

    table = Table("file", "verdict", "P(fake)", "people", "most suspect at")
    table.columns[0].overflow = "fold"
    for p in predictions:
        at = p.most_suspect(1)
        table.add_row(
            printable(p.path),
            "not read" if p.error else p.verdict,
            "" if p.p_fake is None else f"{p.p_fake:.3f}",
            "" if p.error else str(len(p.people)),
            f"{at[0].time:.2f} s" if at and p.kind == "video" else "",
        )
    return table


def _write_csv(predictions: Sequence[Prediction], path: Path) -> None:
    from ltw.files import atomic

    with (
        atomic(path) as part,
        part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(PREDICTION_COLUMNS)
        for p in predictions:
            at = p.most_suspect(1)
            where = (at[0].frame, at[0].time) if at else (None, None)
            score = (p.verdict, p.p_fake, p.threshold, len(p.faces), len(p.people))
            writer.writerow((p.path, p.kind, *score, *where, p.warning, p.error))


def _printable(predictions: Sequence[Prediction], what: str) -> dict[str, str]:
    """Return the files that have a ``warning`` or an ``error``, with it."""
    from ltw.infer.inputs import printable

    told = ((printable(p.path), getattr(p, what)) for p in predictions)
    return {path: reason for path, reason in told if reason}
