"""Finished runs, typed, and sorted so that the seeds of one thing stand together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from ltw.bench.records import finished
from ltw.config import Config
from ltw.engine.run import read_run_config, settings
from ltw.errors import DataError


@dataclass(frozen=True)
class Run:
    """A finished run: what `ltw.bench.records.finished` says of it, and its config."""

    folder: Path
    benchmark: str
    method: str
    variant: str
    seed: int
    targets: Mapping[str, Any]
    config: Config


def read_runs(out: Path) -> list[Run]:
    """Return the finished runs below ``out``, sorted by benchmark, variant, method and seed.

    Raises:
        DataError: there is none, or runs of one method on one benchmark differ in their settings.
    """
    runs = []
    for run in finished(out):
        folder = out / "runs" / run["run"]
        names = (run["benchmark"]["name"], run["method"], run["variant"], run["seed"])
        runs.append(Run(folder, *names, run["targets"], read_run_config(folder)))
    if not runs:
        raise DataError(f"{out}: no finished run of a suite here; make some: ltw bench run")
    runs.sort(key=lambda run: (*_kind(run), run.seed))
    for _, alike in groupby(runs, _kind):
        _require_one_setting(list(alike))
    return runs


def _kind(run: Run) -> tuple[str, str, str]:
    return run.benchmark, run.variant, run.method


def _require_one_setting(runs: Sequence[Run]) -> None:
    """Refuse to average runs of two settings as if they were seeds of one."""
    first, *others = ({k: v for k, v in settings(r.config).items() if k != "seed"} for r in runs)
    for run, other in zip(runs[1:], others, strict=True):
        if changed := [key for key in first if first[key] != other[key]]:
            raise DataError(
                f"{runs[0].folder.name} and {run.folder.name} differ in {', '.join(changed)}: "
                "their mean would be of neither; move one of them out of the folder"
            )
