"""Command `ltw evaluate`: a run on test faces, or anybody's scores."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ltw.cli.output import output
from ltw.errors import ConfigError


def evaluate(
    run: Annotated[Path | None, typer.Argument(help="Folder of a finished run.")] = None,
    store: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of faces to test on; repeatable; needed for a run."),
    ] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="Forgery to test on; repeatable; default: all.")
    ] = None,
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV file of any detector's scores, in place of a run: video or path, score, "
            "label; of two files the second is compared with the first."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the metrics of --scores as JSON, a line a file.")
    ] = False,
) -> None:
    """Measure a run on the test faces of a store, one forgery at a time, each with its reals.

    Writes predictions.parquet and metrics.json into the run, beside what it was tested on before.
    Intervals are 95% bootstrap intervals over people or videos. With --scores, the scores of any
    other detector are measured in the same way, and nothing is written.

    Example: `ltw evaluate --scores mine.csv --scores theirs.csv`
    """
    if scores:
        if run is not None:
            raise ConfigError(f"give a run ({run}) or --scores, not both")
        _evaluate_scores(scores, store or [], domain or [], json=json)
    elif run is None or not store:
        raise ConfigError("give a run and --store FACES, or --scores FILE.csv")
    elif json:
        raise ConfigError(f"--json is for --scores; of a run, {run}/metrics.json holds them")
    else:
        _evaluate_run(run, store, domain or [])


def _evaluate_run(run: Path, stores: list[Path], domains: list[str]) -> None:
    from ltw.engine.evaluate_run import evaluate_run
    from ltw.engine.run_folder import RunFolder

    evaluate_run(run, stores, domains)
    folder = RunFolder(run)
    measured, trained = folder.metrics(), folder.config.sources
    for name, test in measured.domains.items():
        mark = "seen in training" if test.domain in trained else "unseen in training"
        _print(f"{name}: {mark}", test.model_dump())
    _notes(measured.notes)


def _evaluate_scores(
    files: list[Path], stores: list[Path], domains: list[str], *, json: bool
) -> None:
    from ltw.engine.evaluate import measure
    from ltw.engine.outside_scores import compare_scores, read_scores

    if len(files) > 2:
        raise ConfigError(f"--scores was given {len(files)} times; two files can be compared")
    tables = []
    for file in files:
        table = read_scores(file, stores)
        tables.append(table)
        measured = measure(table)
        if domains:
            _require(domains, measured["domains"])
            measured["domains"] = {name: measured["domains"][name] for name in domains}
        if json:
            print(json_format.dumps({"scores": str(file), **measured}, allow_nan=False))
            continue
        for name, test in measured["domains"].items():
            _print(f"{file}: {name}", test)
        _notes(measured["notes"])
    if len(files) < 2:
        return
    differences = compare_scores(*tables)
    if json:
        plain = {
            name: {
                level: {
                    metric: {"value": e.value, "low": e.low, "high": e.high}
                    for metric, e in values.items()
                }
                for level, values in levels.items()
            }
            for name, levels in differences.items()
        }
        print(json_format.dumps({"minus": [str(file) for file in files], "domains": plain}))
        return
    for name, levels in differences.items():
        if not domains or name in domains:
            shown: Mapping[str, Any] = {
                level: {m: vars(e) for m, e in values.items()} for level, values in levels.items()
            }
            _print(f"{files[0]} minus {files[1]}: {name}", shown, signed=True)


def _require(wanted: Iterable[str], there: Mapping[str, Any]) -> None:
    from ltw.errors import did_you_mean

    for domain in wanted:
        if domain not in there:
            raise ConfigError(
                f"domain {domain!r} is not in the scores{did_you_mean(domain, there)}"
            )


def _print(title: str, test: Mapping[str, Any], *, signed: bool = False) -> None:
    """Print a metric a row, narrow enough for 80 columns."""
    from ltw.labels import FURTHER_NAMES, METRIC_NAMES, difference, with_interval

    counts = f" ({test['videos']} videos, {test['frames']} frames)" if "videos" in test else ""
    output.print(f"\n{title}{counts}", soft_wrap=True)
    table = Table("metric", "single frames", "whole videos", box=box.SIMPLE_HEAD, pad_edge=False)
    write = difference if signed else with_interval
    for metric, name in (METRIC_NAMES | FURTHER_NAMES).items():
        cells = (test[level][metric] for level in ("frame", "video"))
        table.add_row(name, *(write(c["value"], c["low"], c["high"]) for c in cells))
    output.print(table)


def _notes(notes: Iterable[str]) -> None:
    for note in notes:
        output.print(f"note: {note}", soft_wrap=True)
