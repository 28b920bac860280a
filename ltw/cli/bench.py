"""Commands for suites of runs: bench run, bench table."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ltw.cli.output import end, names, output
from ltw.errors import when_stopped
from ltw.files import require_writable, write_text
from ltw.progress import console

if TYPE_CHECKING:
    from ltw.bench.plan import PlannedRun
    from ltw.bench.suites import Suite


class TableFormat(StrEnum):
    """What a table can be printed as; `ltw.report.formats` renders each."""

    md = "md"
    csv = "csv"
    latex = "latex"
    html = "html"


class Level(StrEnum):
    """What is scored: frames, or videos."""

    frame = "frame"
    video = "video"


def run(
    suite: Annotated[
        str, typer.Argument(help="gid-df23, gcd, gid, table2, fig5, synthetic, leave-one-out, ...")
    ],
    store: Annotated[list[Path], typer.Option(help="Folder of faces; repeatable.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs and results.json.")],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to SEEDS - 1.")] = 1,
    methods: Annotated[
        str | None, typer.Option(help="Comma-separated; default: the suite's.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of all runs, as in `training.epochs=3`; repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once; each has two threads.")] = 1,
    shard: Annotated[
        str, typer.Option(help="i/n, from 1/n to n/n: this part of the runs only, for schedulers.")
    ] = "1/1",
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="Rehearse the suite, small, on corpora of `ltw synth`."),
    ] = False,
    allow_leaks: Annotated[
        bool,
        typer.Option("--allow-leaks", help="Run although people are both trained and tested on."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and list the runs, no more.")
    ] = False,
) -> None:
    """Train and test every method on every benchmark of a suite.

    Everything is checked before anything is trained. Finished runs are kept and cut-off ones go
    on, so the command can be repeated. Failures are listed at the end and do not stop the rest.

    Example: `ltw bench run gid-df23 --store faces/ff --out results --seeds 3`
    """
    from ltw.bench.plan import plan
    from ltw.bench.runner import data_loading_shares, run_all
    from ltw.config import parse_override
    from ltw.parallel import Shard
    from ltw.results.runs import write_results

    part = Shard.parse(shard)
    runs = plan(
        _suite(suite, store, methods, synthetic),
        store,
        out,
        seeds=seeds,
        settings=dict(parse_override(text) for text in set_ or []),
        allow_leaks=allow_leaks,
    )
    runs = list(part.of(runs))
    for note in {note for run in runs for note in run.notes}:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True, highlight=False)
    if dry_run:
        for planned in runs:
            output.print(f"{_state(planned)}  {planned.folder}", soft_wrap=True)
        return
    require_writable(out / "results.json")
    try:
        with when_stopped(lambda: _kept(runs, out)):
            failures = run_all(runs, jobs=jobs)
    finally:
        results = write_results(out)
    if shares := data_loading_shares(runs):
        console.print(
            f"data loading: {median(shares):.0%} of a run's time in the median, "
            f"{max(shares):.0%} at most",
            highlight=False,
        )
    output.print(str(results), soft_wrap=True)
    end(failures, f"runs that failed, of {len(runs)}")


def _suite(name: str, stores: list[Path], methods: str | None, synthetic: bool) -> Suite:
    from ltw.bench.plan import forgeries
    from ltw.bench.suites import LEAVE_ONE_OUT, find_suite, rehearsal

    suite = find_suite(name, forgeries(stores) if name == LEAVE_ONE_OUT else ())
    if synthetic:
        suite = rehearsal(suite)
    return suite if methods is None else suite.only(names(methods))


def _kept(runs: Sequence[PlannedRun], out: Path) -> str:
    done = sum(run.is_finished for run in runs)
    return (
        f"{out}: stopped with {done} of {len(runs)} runs finished; the others keep their last "
        "checkpoints, and the same command goes on"
    )


def _state(run: PlannedRun) -> str:
    if run.is_finished:
        return "done   "
    return "cut off" if run.folder.exists else "to do  "


def table(
    out: Annotated[Path, typer.Argument(help="The folder given to `ltw bench run` as --out.")],
    format_: Annotated[
        TableFormat, typer.Option("--format", help="Markdown, CSV, LaTeX or an HTML page.")
    ] = TableFormat.md,
    level: Annotated[
        Level, typer.Option(help="Single frames, or whole videos by their frames' mean.")
    ] = Level.frame,
    versus: Annotated[
        str | None,
        typer.Option(help="Comma-separated methods to compare LTW with; default: every other."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Tables of every finished run in a folder, and LTW's differences from the other methods.

    Figures are means over seeds with 95% intervals, beside the published ones where benchmark,
    backbone, method, target and metric are the same. Nothing else than run folders is read.

    Example: `ltw bench table results --format html --out results.html`
    """
    from ltw.report.formats import FORMATS
    from ltw.report.tables import make_tables
    from ltw.results.runs import read_runs

    tables = make_tables(read_runs(out), level=level.value, versus=names(versus or ""))
    text = FORMATS[format_](tables)
    if to is None:
        output.print(text, end="", soft_wrap=True)
        return
    write_text(to, text)
    output.print(str(to), soft_wrap=True)
