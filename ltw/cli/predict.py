"""Command `ltw predict`: scores files."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ltw.cli.output import end, list_failures, output
from ltw.cli.reading import Debug, MaxAspect, MaxMegapixels, MaxVideoMegapixels, show_tracebacks
from ltw.errors import ConfigError
from ltw.media.limits import LIMITS, Limits
from ltw.progress import console
from ltw.terminal import printable

if TYPE_CHECKING:
    from ltw.infer import Detector, Prediction
    from ltw.infer.report import FileView

PREDICTION_COLUMNS = (
    *("path", "kind", "verdict", "p_fake", "threshold", "real_below", "faces", "people"),
    *("most_suspect_frame", "most_suspect_time", "unlike", "warning", "error", "sha256"),
    *("detector", "detector_id", "demo", "trained", "tested", "version", "date"),
)
"""Columns of the CSV file: one row a file."""
MODELS = (
    "a detector is needed: --model MODEL. There is no published one of ours; MODEL is\n"
    "  demo/runs/ltw      a run: `ltw demo` leaves this toy, which knows rendered people only\n"
    "  runs/NAME          a run of your own: `ltw train` (docs/own-data.md)\n"
    "  FOLDER             a released folder: detector.json and detector.safetensors\n"
    "  FILE.onnx          an ONNX file of `ltw export`\n"
    "  hf://owner/name    a released folder on the Hugging Face Hub"
)


def predict(
    paths: Annotated[
        list[str], typer.Argument(help="Images, videos, folders of them, and (quoted) globs.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A run, a released detector, an ONNX file, or hf://owner/name."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a file instead of a table.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a row a file to this CSV file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with pictures to this HTML file.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="P(fake) from which a file looks forged; replaces the detector's."
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=1, help="Evenly spaced frames looked at in a video.")
    ] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that find faces; default: one a core.")
    ] = None,
    max_megapixels: MaxMegapixels = LIMITS.picture_megapixels,
    max_video_megapixels: MaxVideoMegapixels = LIMITS.frame_megapixels,
    max_aspect: MaxAspect = LIMITS.aspect,
    debug: Debug = False,
) -> None:
    """Score files: is a face in them forged?

    Every face is found and scored. A photograph has the score of its most suspect face; a video
    that of its most suspect person, whose score is the mean over the frames they are seen in. It
    looks forged from one threshold on, there is no sign of forgery below another, and between them
    it is unclear. Nothing leaves this computer, and only a model named hf://... may be fetched.
    Whatever a folder holds is scored or listed with the reason (docs/files.md).

    Example: `ltw predict photo.jpg clips/ --model runs/gid-df23-ltw-0 --html report.html`
    """
    if model is None:
        raise ConfigError(MODELS)
    if not model.startswith("hf://"):
        os.environ["HF_HUB_OFFLINE"] = "1"
    from ltw.files import require_writable
    from ltw.infer import Detector
    from ltw.infer.inputs import list_files

    for file in filter(None, (csv, html)):
        require_writable(file)
    show_tracebacks(debug)
    limits = Limits(max_megapixels, max_video_megapixels, max_aspect)
    inputs = list_files(paths)
    detector = Detector.load(model)
    if threshold is not None:
        detector = detector.with_threshold(threshold)
    for warning in detector.settings.info.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)
    predictions: list[Prediction] = []
    entries: list[FileView] = []
    for prediction, entry in _score(
        detector, inputs.files, frames=frames, workers=workers, limits=limits, pictures=bool(html)
    ):
        predictions.append(prediction)
        entries += [entry] if entry else []
        if json:
            sys.stdout.write(prediction.to_json() + "\n")
            sys.stdout.flush()
    written = {"CSV": csv, "Report": html}
    if csv is not None:
        _write_csv(predictions, csv)
    if html is not None:
        from ltw.files import write_text
        from ltw.infer.report import render

        write_text(html, render(entries, detector.settings))
    if not json:
        _print_table(predictions, detector)
    list_failures(inputs.notes, "not looked at")
    list_failures(_told(predictions, "warning"), "files that were scored, but")
    unlike = {path: "; ".join(signs) for path, signs in _told(predictions, "unlike").items()}
    list_failures(unlike, "files unlike what this detector knows: trust their verdicts less")
    for what, path in written.items():
        if path is not None:
            console.print(f"{what}: {escape(str(path))}", soft_wrap=True, highlight=False)
    end(_told(predictions, "error") | inputs.left_out, "files that could not be scored")


def _score(
    detector: Detector, files: Sequence[str], *, pictures: bool, **how: Any
) -> Iterator[tuple[Prediction, FileView | None]]:
    """Score the files in their order, with what a report shows of each if it has ``pictures``."""
    from ltw.infer import find_in, in_order
    from ltw.infer.detector import AT_ONCE
    from ltw.progress import progress_bar

    if how["workers"] is None and len(files) <= AT_ONCE:
        how["workers"] = 1
    if pictures:
        from ltw.infer.report import make_view

    def judged() -> Iterator[tuple[int, tuple[Prediction, FileView | None]]]:
        for place, found in find_in(files, cut=detector.settings.cut, pictures=pictures, **how):
            prediction = detector.judge(found)
            entry = make_view(detector, found, prediction) if pictures else None
            advance()
            yield place, (prediction, entry)

    with progress_bar(f"score by {detector.settings.name}", len(files)) as advance:
        yield from in_order(judged())


def _print_table(predictions: Sequence[Prediction], detector: Detector) -> None:
    """Print a row a file and, below, the thresholds and what the detector was trained on."""
    from ltw.infer.wording import WORDS, decimals

    settings = detector.settings
    bounds = {
        "photographs": ("image", settings.band),
        "videos": ("video", settings.video_band),
    }
    digits = max(
        decimals(
            [p.p_fake for p in predictions if p.p_fake is not None and p.kind == kind], band, 3
        )
        for kind, band in bounds.values()
    )
    table = Table("file", "verdict", "P(fake)", "people", "most suspect at")
    table.columns[0].overflow = "fold"
    for p in predictions:
        at = p.most_suspect(1)
        table.add_row(
            printable(p.path),
            WORDS[p.verdict],
            "" if p.p_fake is None else f"{p.p_fake:.{digits}f}",
            "" if p.error else str(len(p.people)),
            f"{at[0].time:.2f} s" if at and p.kind == "video" else "",
        )
    output.print(table)
    for what, (_, band) in bounds.items():
        between = "" if band.low == band.high else ", between them unclear"
        output.print(
            f"{what}: looks forged from {band.high:.{digits}f} on, no sign of forgery below "
            f"{band.low:.{digits}f}{between}",
            soft_wrap=True,
        )
    info = settings.info
    output.print(f"{info.name} ({info.id}): {info.trained} {info.tested}", soft_wrap=True)


def _write_csv(predictions: Sequence[Prediction], path: Path) -> None:
    """Write a row a file, the most suspect first."""
    from ltw import __version__
    from ltw.files import atomic

    date = datetime.now(UTC).isoformat(timespec="seconds")
    with (
        atomic(path) as part,
        part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(PREDICTION_COLUMNS)
        for p in sorted(predictions, key=lambda p: p.suspicion):
            at = p.most_suspect(1)
            where = (at[0].frame, at[0].time) if at else (None, None)
            score = (p.verdict, p.p_fake, p.threshold, p.real_below, len(p.faces), len(p.people))
            amiss = ("; ".join(p.unlike), p.warning, p.error, p.sha256)
            by = p.detector
            made = (by.name, by.id, by.demo, by.trained, by.tested, __version__, date)
            writer.writerow((p.path, p.kind, *score, *where, *amiss, *made))


def _told(predictions: Sequence[Prediction], what: str) -> dict[str, Any]:
    """Return the files that have an ``error``, a ``warning`` or are ``unlike``, with it."""
    return {p.path: getattr(p, what) for p in predictions if getattr(p, what)}
