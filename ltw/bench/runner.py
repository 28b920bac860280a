"""Runs of a suite, several at once: finished ones are kept, cut-off ones go on, failures listed."""

from __future__ import annotations

import logging
import os
import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

from filelock import Timeout

from ltw.bench.plan import PlannedRun
from ltw.bench.status_table import StatusTable
from ltw.engine.evaluate_run import evaluate_run
from ltw.engine.run_folder import RunFolder
from ltw.engine.settings import settings_hash
from ltw.engine.train import data_loading_share, train
from ltw.errors import LTWError
from ltw.methods import METHODS
from ltw.parallel import Failure, map_unordered
from ltw.progress import show_log

logger = logging.getLogger(__name__)

LOCK_SECONDS = 10.0  # a killed call's processes end within moments
THREADS = 2
"""PyTorch's threads of a run, whatever the machine and ``jobs``: on more of them a sum is split
otherwise, and tables would differ in their last digits. ``training.threads`` sets another number.
"""


def run_all(runs: Sequence[PlannedRun], *, jobs: int = 1) -> dict[str, str]:
    """Train and test what is not finished, ``jobs`` runs at a time; return failures by run.

    Each run has a process of its own, of `THREADS` threads unless it is set otherwise, and writes
    what it has to say into its folder's log.txt. One that fails, or whose process dies, does not
    stop the others; a second call tries it again. When this process ends, however it does, so do
    theirs and those that they started.
    """
    todo = [run for run in runs if not run.is_finished]
    failures: dict[str, str] = {}
    with StatusTable(runs, done=[run for run in runs if run not in todo]) as status:

        def begun() -> Iterator[PlannedRun]:  # drawn one by one, as processes become free
            for run in todo:
                status.start(run)
                yield _with_threads(run)

        for position, outcome in map_unordered(
            _work, begun(), workers=min(jobs, max(1, len(todo)))
        ):
            reason = outcome.reason if isinstance(outcome, Failure) else outcome
            if reason is not None:
                failures[todo[position].folder.name] = reason
            status.end(todo[position], reason)
    return failures


def data_loading_shares(runs: Sequence[PlannedRun]) -> list[float]:
    """Return the share of each finished run's time that its steps waited for batches."""
    shares = [data_loading_share(run.folder) for run in runs if run.is_finished]
    return [share for share in shares if share is not None]


def complete(run: PlannedRun) -> None:
    """Train and test ``run`` here, going on where a cut-off call stopped; a finished one is kept.

    Raises:
        ConfigError: the folder holds a run of other settings.
        LTWError: as training and evaluation do.
    """
    begun = run.folder.exists
    if begun:
        run.folder.require_config(run.config)
    if run.is_finished:
        return
    run.folder.write_record(run.record)
    _take_first_phase(run)
    train(run.config, run.folder.path, resume=begun, locked=True)
    evaluate_run(run.folder.path, run.tests, run.benchmark.domains)


def _take_first_phase(run: PlannedRun) -> None:
    """Copy a method's first phase from the suite's own run of it, where that has been trained."""
    first = METHODS[run.config.method].first_phase
    own = run.folder.path
    if first is None or (own / first).exists():
        return
    same = settings_hash(run.config.model_copy(update={"method": first}))
    for folder in own.parent.glob(f"*-{same}"):
        if RunFolder(folder).metrics_path.is_file():
            part = own / f".{first}.part"
            shutil.rmtree(part, ignore_errors=True)  # of a call that was killed here
            shutil.copytree(folder, part)
            part.rename(own / first)
            logger.info("%s was trained in %s", first, folder.name)
            return


def _with_threads(run: PlannedRun) -> PlannedRun:
    training = run.config.training
    if training.threads is not None:
        return run
    training = training.model_copy(update={"threads": THREADS})
    return replace(run, config=run.config.model_copy(update={"training": training}))


def _work(run: PlannedRun) -> str | None:
    """Complete a run in a worker process; return why it failed, if it did."""
    run.folder.path.mkdir(parents=True, exist_ok=True)
    with (
        run.folder.process_log.open("a", buffering=1, encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        show_log()
        print(f"--- {run}, process {os.getpid()}", file=log)
        try:
            with run.folder.lock(LOCK_SECONDS):
                complete(run)
        except Timeout:
            return "another process is at this run"
        except Exception as error:
            traceback.print_exc(file=log)
            known = isinstance(error, LTWError)
            return (
                str(error)
                if known
                else f"{type(error).__name__}: {error} (see {run.folder.process_log.name})"
            )
    return None
