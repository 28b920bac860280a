"""Finished runs, typed, and which of them are the seeds of one thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ltw.bench.figures import method_name
from ltw.bench.records import benchmark_of, finished
from ltw.bench.suites import Benchmark
from ltw.config import Config
from ltw.engine.run import read_run_config, settings
from ltw.errors import DataError


class Row(NamedTuple):
    """A row of a table or a line of a figure: runs that differ in their seeds alone."""

    method: str
    variant: str = ""
    settings: str = ""
    """Where runs of one method on one benchmark differ otherwise too: these, ``key=value``."""

    def __str__(self) -> str:
        more = ", ".join(filter(None, (self.variant, self.settings)))
        return method_name(self.method) + (f" ({more})" if more else "")


@dataclass(frozen=True)
class Run:
    """A finished run; ``notes`` say what a reader of its results must know."""

    folder: Path
    benchmark: Benchmark
    row: Row
    seed: int
    config: Config
    targets: Mapping[str, Mapping[str, Any]]
    """What metrics.json says of each of the benchmark's targets."""
    notes: tuple[str, ...]


def read_runs(out: Path) -> list[Run]:
    """Return the finished runs below ``out``, sorted by benchmark, row and seed.

    Raises:
        DataError: there is none, a file of one is damaged, or two of a row have the same seed.
    """
    records = finished(out)
    if not records:
        raise DataError(f"{out}: no finished run in {out / 'runs'}; make some: ltw bench run")
    configs = [read_run_config(out / "runs" / record["run"]) for record in records]
    runs: dict[tuple[str, Row, int], Run] = {}
    for record, config, changed in zip(records, configs, _changed(records, configs), strict=True):
        run = Run(
            out / "runs" / record["run"],
            benchmark_of(record),
            Row(record["method"], record["variant"], changed),
            record["seed"],
            config,
            record["targets"],
            tuple(record["notes"]),
        )
        same = runs.setdefault((run.benchmark.name, run.row, run.seed), run)
        if same is not run:
            raise DataError(
                f"{same.folder.name} and {run.folder.name} are the same run; remove one of them"
            )
    return [runs[key] for key in sorted(runs)]


def _changed(records: Sequence[dict[str, Any]], configs: Sequence[Config]) -> list[str]:
    """Return each run's values of the settings, but for the seed, in which its like differ."""
    like: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        like[record["benchmark"]["name"], record["method"], record["variant"]].append(place)
    changed = [""] * len(records)
    for places in like.values():
        flat = pd.DataFrame([settings(configs[place]) for place in places]).astype(str)
        apart = [key for key in flat if key != "seed" and flat[key].nunique() > 1]
        for place, values in zip(places, flat[apart].to_dict("records"), strict=True):
            changed[place] = ", ".join(f"{key}={value}" for key, value in values.items())
    return changed
