"""Runs: what the finished runs of a suite found, and which of them are the seeds of one row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ltw.config import Config
from ltw.engine.run_folder import RunFolder, suite_folders
from ltw.engine.schema import Benchmark, SuiteRecord, TestMetrics
from ltw.engine.settings import run_settings
from ltw.errors import DataError
from ltw.files import write_text
from ltw.labels import LIMITS, method_name
from ltw.metrics import LEVELS, Array, Draws, Estimate, Level, Sample, Scores, draw, estimate


class Row(NamedTuple):
    """A row of a table or a line of a figure: runs that differ in their seeds alone."""

    method: str
    variant: str = ""
    settings: str = ""
    """Where runs of one method on one benchmark differ otherwise too: these, ``key=value``."""

    def __str__(self) -> str:
        more = ", ".join(filter(None, (self.variant, self.settings)))
        return method_name(self.method) + (f" ({more})" if more else "")


class Test:
    """A run's test on one target: what metrics.json says of it, and the scores it rests on."""

    __test__ = False  # no test of pytest's

    def __init__(self, measured: TestMetrics, faces: pd.DataFrame) -> None:
        self.measured = measured
        self.frames = len(faces)
        people = [name for name in ("person", "donor_person") if name in faces]
        columns = ["dataset", "domain", "label", "video", *people]
        self.videos = faces.drop_duplicates("video")[columns].sort_values("video").reset_index()
        self._scores = {level: Scores.of(faces, level) for level in LEVELS}
        self._replicates: dict[Level, dict[str, Array]] = {}

    def draws(self) -> Draws | None:
        """Return the draws of its videos, the same for all runs; None: a class has one video."""
        return None if self.videos["label"].value_counts().min() < 2 else draw(self.videos)

    def replicates(self, metric: str, level: Level) -> Array | None:
        """Return the metric (R,) on every draw; None where there is none."""
        if level not in self._replicates and (draws := self.draws()) is not None:
            self._replicates[level] = self._scores[level].replicate(draws)
        return self._replicates[level][metric] if level in self._replicates else None

    def same_faces(self, other: Test) -> bool:
        """Whether both were tested on as many frames of the same videos."""
        columns = ["label", "video"]
        return self.frames == other.frames and self.videos[columns].equals(other.videos[columns])


@dataclass(frozen=True)
class Run:
    """A finished run of a suite; what is large is read from its folder when it is asked for."""

    folder: RunFolder
    benchmark: Benchmark
    row: Row
    seed: int
    config: Config
    targets: Mapping[str, TestMetrics]
    """What was measured of each of the benchmark's targets."""
    record: SuiteRecord

    def faces(self, target: str) -> pd.DataFrame:
        """Return the scored faces of one target's test: its fakes and the reals beside them.

        Raises:
            DataError: the predictions are missing, damaged, or not those that were measured.
        """
        measured = self.targets[target]
        tested = self.folder.tested_faces()
        key = (measured.dataset, measured.domain, measured.compression)
        if key not in tested:
            raise DataError(
                f"{self.folder.predictions_path}: lacks {target}, which "
                f"{self.folder.metrics_path.name} has; delete both and run the suite again"
            )
        return tested[key]

    @cached_property
    def tests(self) -> dict[str, Test]:
        """The test on every target; raises as `faces`."""
        return {target: Test(self.targets[target], self.faces(target)) for target in self.targets}

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its results must know: of its plan, its training and its tests.

        Raises:
            DataError: a file is missing or damaged.
        """
        named = {key for test in self.targets.values() for key in test.keys}
        tested = [n for n in self.folder.metrics().notes if n.partition(":")[0] in named]
        return (*self.record.notes, *self.folder.training_notes(), *tested)


def read_runs(out: Path) -> list[Run]:
    """Return the finished runs of the suite in ``out``, sorted by benchmark, row and seed.

    Raises:
        DataError: there is none, a file of one is damaged, or two of a row have the same seed.
    """
    found: list[tuple[RunFolder, SuiteRecord, Mapping[str, TestMetrics]]] = []
    for folder in suite_folders(out):
        record = folder.record()
        if (targets := folder.targets(record.benchmark)) is not None:
            found.append((folder, record, targets))
    if not found:
        raise DataError(f"{out}: no finished run in {out / 'runs'}; make some: ltw bench run")
    apart = _settings_apart([(record, folder.config) for folder, record, _ in found])
    runs: dict[tuple[str, Row, int], Run] = {}
    for (folder, record, measured), settings in zip(found, apart, strict=True):
        row = Row(record.method, record.variant, settings)
        run = Run(folder, record.benchmark, row, record.seed, folder.config, measured, record)
        same = runs.setdefault((run.benchmark.name, run.row, run.seed), run)
        if same is not run:
            raise DataError(
                f"{same.folder.name} and {run.folder.name} are the same run; remove one of them"
            )
    return [runs[key] for key in sorted(runs)]


def _settings_apart(runs: Sequence[tuple[SuiteRecord, Config]]) -> list[str]:
    """Return each run's values of the settings, but for the seed, in which its like differ."""
    like: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, (record, _) in enumerate(runs):
        like[record.benchmark.name, record.method, record.variant].append(place)
    apart = [""] * len(runs)
    for places in like.values():
        flat = pd.DataFrame([run_settings(runs[place][1]) for place in places]).astype(str)
        keys = [key for key in flat if key != "seed" and flat[key].nunique() > 1]
        for place, values in zip(places, flat[keys].to_dict("records"), strict=True):
            apart[place] = ", ".join(f"{key}={value}" for key, value in values.items())
    return apart


class Group(tuple[Run, ...]):
    """The runs of one row on one benchmark, by seed."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of any of them, and of whether they belong together."""
        apart = [
            f"{self[0].benchmark.name}, {self[0].row}: the seeds were tested on different faces of "
            f"{target}, so there is no interval; run `ltw evaluate` on all of them"
            for target in self[0].tests
            if not self.comparable(target)
        ]
        return tuple(dict.fromkeys([*(note for run in self for note in run.notes), *apart]))

    def comparable(self, target: str) -> bool:
        """Whether all seeds were tested on the same faces of ``target``."""
        return all(run.tests[target].same_faces(self[0].tests[target]) for run in self)

    def sample(self, targets: Sequence[str], metric: str, level: Level) -> Sample:
        """Return the metric, as the mean over ``targets``, of every seed."""
        values = [[run.targets[t].at(level)[metric].value for t in targets] for run in self]
        drawn = [[run.tests[t].replicates(metric, level) for t in targets] for run in self]
        whole = all(map(self.comparable, targets)) and all(
            replicates is not None for row in drawn for replicates in row
        )
        draws = [self[0].tests[target].draws() for target in targets]
        return Sample(
            tuple(run.seed for run in self),
            np.mean(values, axis=1),
            np.mean(np.array(drawn, float), axis=1) if whole else None,
            min((d.fewest for d in draws if d is not None), default=None),
        )

    def estimate(self, targets: Sequence[str], metric: str, level: Level) -> Estimate:
        """Return the mean over seeds and ``targets``; one run on one target as in metrics.json."""
        if len(self) == len(targets) == 1:
            measured = self[0].targets[targets[0]].at(level)[metric]
            return Estimate(measured.value, measured.low, measured.high, (1, 1))
        return estimate([self.sample(targets, metric, level)], LIMITS[metric])


Groups = dict[tuple[str, Row], Group]
"""By the benchmark's name and the row."""


def group_by_seed(runs: Sequence[Run]) -> Groups:
    """Return ``runs``, sorted as by `read_runs`, by benchmark and row."""
    rows = groupby(runs, lambda run: (run.benchmark.name, run.row))
    return {key: Group(seeds) for key, seeds in rows}


def metrics_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the metrics of ``runs``, a row a (run, target, level, metric).

    Columns: run (its folder's name), benchmark, method, variant, seed, target, dataset, domain,
    compression, frames, videos, level, metric, value, low, high (the 95% confidence interval; NaN
    where there is none) and notes (of the run's plan, joined by ``"; "``).
    """
    rows = [
        {
            "run": run.folder.name,
            "benchmark": run.benchmark.name,
            "method": run.row.method,
            "variant": run.row.variant,
            "seed": run.seed,
            "target": target,
            **test.model_dump(include={"dataset", "domain", "compression", "frames", "videos"}),
            "level": level,
            "metric": metric,
            **test.at(level)[metric].model_dump(),
            "notes": "; ".join(run.record.notes),
        }
        for run in runs
        for target, test in run.targets.items()
        for level in LEVELS
        for metric in test.at(level)
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(("value", "low", "high"), float))


def write_results(out: Path) -> Path:
    """Write results.json into the suite's folder ``out``, atomically, and return its path.

    ``{"runs": [{"run": folder's name, "benchmark", "method", "variant", "seed", "notes", "targets":
    {target: as a domain in metrics.json}}]}``, the finished runs sorted by folder.

    Raises:
        DataError: a file of a run is damaged.
    """
    runs: list[dict[str, Any]] = []
    for folder in suite_folders(out):
        record = folder.record()
        if (targets := folder.targets(record.benchmark)) is not None:
            tests = {target: test.model_dump() for target, test in targets.items()}
            runs.append({"run": folder.name, **record.model_dump(), "targets": tests})
    text = json.dumps({"runs": runs}, indent=2, allow_nan=False)
    write_text(out / "results.json", text + "\n")
    return out / "results.json"
