"""Command line: one command a stage, each stage a function of its own elsewhere.

Exit codes: 0 done; 1 done, but some inputs failed and are listed; 2 bad usage or bad input, said in
one message on standard error; 130 and 143 stopped by Ctrl-C and SIGTERM, with what was kept.
Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

import ltw
from ltw.cli import bench, data, doctor, evaluate, export, figures, predict, serve, training
from ltw.errors import LTWError, Stopped
from ltw.progress import console, show_log
from ltw.terminal import replace_unprintable

# Before PyTorch is loaded: its waiting threads then sleep instead of spinning. On 2 cores a step
# is as fast or faster, and beside another busy process ten times faster.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="Train face-forgery detectors that hold on forgeries never seen, and measure them there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"ltw {ltw.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


app.command()(training.demo)
app.command()(data.synth)
app.command()(data.extract)
app.command()(training.train)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(export.export)
app.command()(serve.serve)
app.command()(doctor.doctor)

store = typer.Typer(help="Look into a store of faces.", no_args_is_help=True)
store.command("info")(data.store_info)
store.command("check")(data.store_check)
store.command("sheet")(data.store_sheet)
app.add_typer(store, name="store")

suites = typer.Typer(help="Run suites of benchmarks; what they found.", no_args_is_help=True)
suites.command("run")(bench.run)
suites.command("table")(bench.table)
suites.command("figures")(figures.figures)
suites.command("robustness")(figures.robustness)
app.add_typer(suites, name="bench")


def main() -> None:
    """Run the command line; a user's mistake becomes one message and exit code 2."""
    replace_unprintable()
    show_log()
    try:
        with _signals_raised():
            app()
    except LTWError as error:
        _refuse(str(error))
    except OSError as error:  # a folder that cannot be written, a full disk
        _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Stopped as stop:
        for note in getattr(stop, "__notes__", ("stopped; the same command begins again",)):
            console.print(note, style="yellow", markup=False, soft_wrap=True, highlight=False)
        sys.exit(128 + stop.number)


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Raise the first Ctrl-C or SIGTERM as `Stopped`, so that files are cleared; a second kills."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    caught = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN  # a shell's background job, say
    ]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse(message: str) -> NoReturn:
    console.print(
        f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False, emoji=False
    )
    sys.exit(2)
