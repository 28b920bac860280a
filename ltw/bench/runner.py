"""Runs of a suite, several at once: finished ones are kept, cut-off ones go on, failures listed."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

from filelock import FileLock, Timeout

from ltw.bench.board import Board
from ltw.bench.plan import Run
from ltw.bench.records import measured, write_record
from ltw.engine.run import CONFIG, METRICS, evaluate_run, require_config, settings_hash
from ltw.engine.train import data_loading_share, train
from ltw.errors import LTWError
from ltw.methods import METHODS
from ltw.parallel import Failure, cores, map_unordered

LOG = "log.txt"
LOCK_SECONDS = 10.0  # a killed call's processes end within moments


def run_all(runs: Sequence[Run], *, jobs: int = 1) -> dict[str, str]:
    """Train and test what is not finished, ``jobs`` runs at a time; return failures by run.

    Each run has a process of its own with its share of the cores, and writes what it has to say
    into its folder's log.txt. One that fails, or whose process dies, does not stop the others; a
    second call tries it again. When this process ends, however it does, so do theirs.
    """
    todo = [run for run in runs if not is_finished(run)]
    threads = max(1, cores() // jobs)
    failures: dict[str, str] = {}
    with Board(runs, done=[run for run in runs if run not in todo]) as board:

        def begun() -> Iterator[Run]:  # drawn one by one, as processes become free
            for run in todo:
                board.start(run)
                yield _with_threads(run, threads)

        for position, outcome in map_unordered(
            _work, begun(), workers=min(jobs, max(1, len(todo)))
        ):
            reason = outcome.reason if isinstance(outcome, Failure) else outcome
            if reason is not None:
                failures[todo[position].folder.name] = reason
            board.end(todo[position], reason)
    return failures


def is_finished(run: Run) -> bool:
    """Whether every target of the run's benchmark has been measured."""
    return measured(run.folder, run.benchmark) is not None


def data_loading_shares(runs: Sequence[Run]) -> list[float]:
    """Return the share of each finished run's time that its steps waited for batches."""
    shares = [data_loading_share(run.folder) for run in runs if is_finished(run)]
    return [share for share in shares if share is not None]


def complete(run: Run) -> None:
    """Train and test ``run`` here, going on where a cut-off call stopped; a finished one is kept.

    Raises:
        ConfigError: the folder holds a run of other settings.
        LTWError: as training and evaluation do.
    """
    begun = (run.folder / CONFIG).exists()
    if begun:
        require_config(run.folder, run.config)
    if is_finished(run):
        return
    write_record(run)
    _take_first_phase(run)
    train(run.config, run.folder, resume=begun)
    evaluate_run(run.folder, run.tests, run.benchmark.domains)


def _take_first_phase(run: Run) -> None:
    """Copy a method's first phase from the suite's own run of it, where that has been trained."""
    first = METHODS[run.config.method].first_phase
    if first is None or (run.folder / first).exists():
        return
    same = settings_hash(run.config.model_copy(update={"method": first}))
    for folder in run.folder.parent.glob(f"*-{same}"):
        if (folder / METRICS).is_file():
            part = run.folder / f".{first}.part"
            shutil.rmtree(part, ignore_errors=True)  # of a call that was killed here
            shutil.copytree(folder, part)
            part.rename(run.folder / first)
            print(f"{first} was trained in {folder.name}")
            return


def _with_threads(run: Run, threads: int) -> Run:
    training = run.config.training
    if training.threads is not None:
        return run
    training = training.model_copy(update={"threads": threads})
    return replace(run, config=run.config.model_copy(update={"training": training}))


def _work(run: Run) -> str | None:
    """Complete a run in a worker process; return why it failed, if it did."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with (
        (run.folder / LOG).open("a", buffering=1, encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        print(f"--- {run}, process {os.getpid()}")
        try:
            with FileLock(run.folder / ".lock", timeout=LOCK_SECONDS):
                complete(run)
        except Timeout:
            return "another process is at this run"
        except Exception as error:
            traceback.print_exc(file=log)
            known = isinstance(error, LTWError)
            return str(error) if known else f"{type(error).__name__}: {error} (see {LOG})"
    return None
