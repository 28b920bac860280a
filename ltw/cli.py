"""The command line: one command a stage, each stage a function of its own elsewhere.

Exit codes: 0 done; 1 done, but some inputs failed and are listed; 2 bad usage or bad input, said in
one message on standard error. Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ltw.errors import LTWError
from ltw.progress import console

# Before PyTorch is loaded: its waiting threads then sleep instead of spinning. On 2 cores a step
# is as fast or faster, and beside another busy process ten times faster.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="Train face-forgery detectors that hold on forgeries never seen, and measure them there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
store_app = typer.Typer(help="Look into a store of faces.", no_args_is_help=True)
app.add_typer(store_app, name="store")
output = Console(markup=False, highlight=False, emoji=False)


def main() -> None:
    """Run the command line; a user's mistake becomes one message and exit code 2."""
    try:
        app()
    except LTWError as error:
        _refuse(str(error))
    except OSError as error:  # a folder that cannot be written, a full disk
        _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _refuse(message: str) -> NoReturn:
    console.print(
        f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False, emoji=False
    )
    sys.exit(2)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Other people, other networks.")] = 0,
) -> None:
    """The whole path on rendered people, offline, in minutes.

    Renders people, forges them in four ways, finds the faces, trains ERM and LTW on three of the
    forgeries, tests on the fourth, and writes results.json and report.html into OUT. A second call
    goes on where the first was cut off.
    """
    from ltw.bench.demo import run_demo

    results = run_demo(out, seed)
    output.print(_results_table(results))
    output.print(f"report: {out / 'report.html'}", soft_wrap=True)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the corpus.")],
    faces: Annotated[
        Path | None,
        typer.Option(
            help="Folder of portraits to animate: one file or one sub-folder a person. "
            "Default: rendered people."
        ),
    ] = None,
    people: Annotated[
        int | None, typer.Option(help="How many; default: 24 rendered, or all of FACES.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames of every video.")] = 16,
    compression: Annotated[
        str, typer.Option(help="Comma-separated: raw, c23, c40 (x264's rate factors).")
    ] = "c23",
    forgeries: Annotated[
        str | None, typer.Option(help="Comma-separated names; default: the four standard ones.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of a frame in pixels.")] = 320,
    seed: Annotated[int, typer.Option(help="Other people, other takes.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; default: all cores.")] = None,
) -> None:
    """Make a corpus of real and forged videos in the FaceForensics++ folder shape.

    Every video comes with its manipulation-mask video, and the corpus with its split lists by
    person. `ltw extract faceforensics OUT` reads it.

    Example: `ltw synth corpus --faces portraits --compression c23,c40`
    """
    from ltw.synth.corpus import make_corpus

    summary = make_corpus(
        out,
        faces=faces,
        people=people,
        frames=frames,
        compressions=_names(compression),
        forgeries=None if forgeries is None else _names(forgeries),
        size=size,
        seed=seed,
        workers=workers,
    )
    output.print(
        f"{summary.root}: {summary.people} people, {summary.real} real videos, "
        + ", ".join(f"{n} {name}" for name, n in summary.fake.items()),
        soft_wrap=True,
    )
    _end(dict(summary.skips), "people left out")


class Dataset(StrEnum):
    """Data sets with a reader; `ltw.data.readers.READERS` has the same names."""

    faceforensics = "faceforensics"
    celeb_df = "celeb-df"
    dfdc = "dfdc"
    folder = "folder"


@app.command()
def extract(
    dataset: Annotated[Dataset, typer.Argument(help="How ROOT is laid out.")],
    root: Annotated[Path, typer.Argument(help="The data set's folder.")],
    store: Annotated[Path, typer.Option(help="Folder of faces to write, or to add to.")],
    frames: Annotated[int, typer.Option(help="Evenly spaced frames of every video.")] = 10,
    margin: Annotated[int, typer.Option(help="Pixels of a crop that are margin.")] = 16,
    size: Annotated[int, typer.Option(help="Side of a crop in pixels.")] = 224,
    compression: Annotated[
        str, typer.Option(help="Comma-separated levels to take; default: all there are.")
    ] = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the data set in the records; default: the reader's.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: all cores.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again videos that failed before.")
    ] = False,
) -> None:
    """Find the faces in videos and put them into a store.

    One person a video is followed (the largest face at first). Videos without a face or that
    cannot be decoded are listed with the reason. A second call goes on where the first stopped,
    and another data set can be added to the same store.

    Example: `ltw extract faceforensics FaceForensics --compression c23 --store faces`
    """
    from ltw.data.extract import extract as extract_clips
    from ltw.data.readers import READERS

    options: dict[str, Any] = {} if name is None else {"dataset": name}
    clips = READERS[dataset.value](root, compressions=_names(compression), **options)
    summary = extract_clips(
        clips,
        store,
        frames=frames,
        margin=margin,
        size=size,
        workers=workers,
        retry_failed=retry_failed,
    )
    output.print(
        f"{store}: {summary.done} videos done, {summary.skipped} done before, "
        f"{len(summary.failures)} failed; {summary.faces} faces, "
        f"{summary.faces_per_second:.1f} a second",
        soft_wrap=True,
    )
    _list(summary.damaged, "damaged, kept as far as they decode")
    _end(summary.failures, "videos without a face in the store")


@store_app.command("info")
def store_info(
    path: Annotated[Path, typer.Argument(help="Folder of faces.")],
    as_json: Annotated[bool, typer.Option("--json", help="Counts as one JSON object.")] = False,
) -> None:
    """Count faces and videos by data set, domain, compression and split; failures by reason."""
    from ltw.data.store import Store
    from ltw.data.store_check import store_info as info

    counts = info(Store(path))
    if as_json:
        print(json.dumps(counts))
        return
    table = Table("data set", "domain", "compression", "split", "videos", "faces", title=str(path))
    for row in counts["groups"]:
        table.add_row(
            *(str(row[c]) for c in ("dataset", "domain", "compression", "split", "videos", "faces"))
        )
    output.print(table)


@store_app.command("check")
def store_check(path: Annotated[Path, typer.Argument(help="Folder of faces.")]) -> None:
    """Look for damage, duplicates, people in two splits, fakes without reals; exit 1 if any."""
    from ltw.data.store import read_parameters
    from ltw.data.store_check import store_check as check

    read_parameters(path)  # a folder that is no store is bad input, not a problem found
    problems = check(path)
    for problem in problems:
        output.print(f"- {problem}", soft_wrap=True)
    found = f"problems: {len(problems)}" if problems else "sound"
    output.print(f"{path}: {found}", soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


@store_app.command("sheet")
def store_sheet(
    path: Annotated[Path, typer.Argument(help="Folder of faces.")],
    out: Annotated[Path | None, typer.Option(help="PNG; default: sheet.png in the store.")] = None,
) -> None:
    """Write a contact sheet: a row of faces for every domain."""
    from PIL import Image

    from ltw.data.contact_sheet import contact_sheet
    from ltw.data.store import Store

    out = out or path / "sheet.png"
    sheet = contact_sheet(Store(path))
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(out, "PNG")
    output.print(str(out), soft_wrap=True)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="Experiment file (TOML).")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key, as in `training.epochs=3`; repeatable."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: runs/NAME-METHOD-SEED.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut off.")
    ] = False,
) -> None:
    """Train a detector as an experiment file says.

    The best checkpoint is chosen on validation faces of the source domains; the target is never
    read. `tensorboard --logdir RUN` shows the curves.

    Example: `ltw train configs/demo.toml --set method=alltrain --run runs/erm`
    """
    from ltw.config import load_config
    from ltw.engine.train import train as train_run

    loaded = load_config(config, set_ or [])
    run = run or Path("runs") / f"{config.stem}-{loaded.method}-{loaded.seed}"
    train_run(loaded, run, resume=resume)
    output.print(
        f"{run}: detector/ holds the best detector; test it: "
        f"ltw evaluate {run} --store {loaded.store}",
        soft_wrap=True,
    )


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    store: Annotated[Path, typer.Option(help="Folder of faces to test on.")],
    domain: Annotated[
        list[str] | None, typer.Option(help="Forgery to test on; repeatable; default: all.")
    ] = None,
) -> None:
    """Measure a run on the test faces of a store, one forgery at a time, each with its reals.

    Writes predictions.parquet and metrics.json into the run. Intervals are 95% bootstrap intervals
    over videos.
    """
    from ltw.engine.run import METRICS, evaluate_run

    evaluate_run(run, store, domain or [])
    measured = json.loads((run / METRICS).read_text())
    table = Table("domain", "level", "ACC", "log loss", "AUC", "EER", title=str(run))
    for name, values in measured["domains"].items():
        for level in ("frame", "video"):
            table.add_row(name, level, *map(_cell, values[level].values()))
    output.print(table)
    for note in measured["notes"]:
        output.print(f"note: {note}", soft_wrap=True)


def _cell(value: Mapping[str, float | None]) -> str:
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _results_table(results: Mapping[str, Any]) -> Table:
    table = Table("method", "domain", "frame AUC", "video AUC", title="AUC with 95% intervals")
    for method, values in results["methods"].items():
        for name, measured in values["domains"].items():
            unseen = " (unseen)" if name == results["target"] else ""
            cells = (_cell(measured[level]["auc"]) for level in ("frame", "video"))
            table.add_row(method, f"{name}{unseen}", *cells)
    return table


def _names(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _list(items: Mapping[str, str], title: str) -> None:
    if items:
        console.print(f"[yellow]{len(items)} {title}:[/]")
    for name, reason in items.items():
        console.print(f"  {escape(name)}: {escape(reason)}", soft_wrap=True, highlight=False)


def _end(failures: Mapping[str, str], title: str) -> None:
    """List what failed; exit 1 if anything did."""
    _list(failures, title)
    if failures:
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
