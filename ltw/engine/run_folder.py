"""Run folder: sole owner of what lies in a run's folder and under which name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from ltw.config import Config, load_config
from ltw.engine.evaluate import domain_faces
from ltw.engine.schema import Benchmark, Metrics, SuiteRecord, TestMetrics
from ltw.engine.settings import THREADS, run_settings
from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.files import sweep, write_text
from ltw.schema import read_table, required

_CONFIG, _RECORD, _LOCK = "config.toml", "benchmark.json", ".lock"
_AGAIN = "delete it and repeat the command that wrote it"
_WEIGHTS = required(
    [
        ("index", pa.int64()),
        ("domain", pa.string()),
        ("label", pa.int64()),
        ("weight", pa.float32()),
    ]
)


@dataclass(frozen=True)
class RunFolder:
    """A run's files by name; what is read is validated, and errors say what is wrong with it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    # The run itself: what it was started with, how training went, what it released.

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / _CONFIG).is_file()

    @cached_property
    def config(self) -> Config:
        """The config that the run was started with.

        Raises:
            DataError: there is no run here.
            ConfigError: its config is damaged.
        """
        return load_config(self.config_path)

    @property
    def config_path(self) -> Path:
        """config.toml: what the run was started with.

        Raises:
            DataError: there is no run here.
        """
        if not self.exists:
            raise DataError(f"{self.path}: no run here ({_CONFIG} is missing); make one: ltw train")
        return self.path / _CONFIG

    def write_config(self, config: Config) -> None:
        """Begin a run: write its config."""
        write_text(self.path / _CONFIG, config.to_toml())

    def require_config(self, config: Config) -> None:
        """Check that the run was started with ``config``, up to where and how fast it runs.

        Raises:
            DataError: there is no run here.
            ConfigError: values differ; the message names their keys.
        """
        old, new = run_settings(self.config), run_settings(config)
        was, asked = self.config.training.threads, config.training.threads
        if None not in (was, asked):  # results depend on it in their last bits
            old, new = old | {THREADS: was}, new | {THREADS: asked}
        changed = [key for key in old if old[key] != new[key]]
        if changed:
            values = ", ".join(f"{key} was {old[key]!r}, now {new[key]!r}" for key in changed)
            raise ConfigError(
                f"{self.path}: was started with other values of {', '.join(changed)}; "
                f"use another folder, or leave them out: ltw train --resume {self.path} ({values})"
            )

    @property
    def log_path(self) -> Path:
        """metrics.jsonl: a line a note, a step and an epoch, as `log_line` writes them."""
        return self.path / "metrics.jsonl"

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the log: notes, steps and epochs.

        Raises:
            DataError: the log is missing or damaged.
        """
        try:
            text = self.log_path.read_text(encoding="utf-8")
            lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
            if wrong := [n for n, line in enumerate(lines, 1) if not is_log_entry(line)]:
                raise ValueError(f"line {wrong[0]} is no entry of a log")
        except FileNotFoundError:
            raise DataError(f"{self.log_path}: missing") from None
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{self.log_path}: damaged ({error})") from None
        return lines

    def forget_after(self, step: int) -> None:
        """Drop the log's entries of later steps than ``step``, and a line that a kill has torn."""
        text = self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""
        kept = (line for line in text.splitlines() if _is_until(line, step))
        write_text(self.log_path, "".join(f"{line}\n" for line in kept))

    def epochs(self) -> list[dict[str, Any]]:
        """Return the log's entries of epochs; raises as `log`."""
        return [line for line in self.log() if line["kind"] == "epoch"]

    def training_notes(self) -> list[str]:
        """Return what training noted; raises as `log`."""
        return [line["note"] for line in self.log() if line["kind"] == "note"]

    @property
    def last_checkpoint(self) -> Path:
        """Where training stands."""
        return self.path / "checkpoints/last.safetensors"

    @property
    def best_checkpoint(self) -> Path:
        """The epoch with the best validation AUC so far."""
        return self.path / "checkpoints/best.safetensors"

    @property
    def detector(self) -> Path:
        """The released detector's folder."""
        return self.path / "detector"

    @property
    def weights_path(self) -> Path:
        """weights.parquet: what training faces weigh; only of methods that weigh them."""
        return self.path / "weights.parquet"

    def weights(self) -> pd.DataFrame:
        """Return a row a weighed training face: index (row of the store), domain, label, weight.

        Raises:
            DataError: the file is missing or damaged.
        """
        columns = _WEIGHTS.names
        weights: pd.DataFrame = read_table(self.weights_path, _WEIGHTS, _AGAIN).to_pandas()[columns]
        if not np.isfinite(weights["weight"]).all():
            raise DataError(f"{self.weights_path}: damaged (weights that are not finite); {_AGAIN}")
        return weights

    @property
    def process_log(self) -> Path:
        """log.txt: what a suite's worker process had to say."""
        return self.path / "log.txt"

    def lock(self, timeout: float) -> FileLock:
        """Return the lock that whoever trains or tests the run holds."""
        return FileLock(self.path / _LOCK, timeout=timeout)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the run's lock for the block.

        Raises:
            DataError: another process trains or tests this run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with self.lock(0):
                try:
                    yield
                finally:  # a later holder finds out that this one's file is gone, and makes its own
                    (self.path / _LOCK).unlink(missing_ok=True)
        except Timeout:
            raise DataError(
                f"{self.path}: another process trains or tests this run; wait for its end, or "
                "give another --run"
            ) from None

    def sweep(self) -> None:
        """Remove what writes that were killed left in this run's folders."""
        for path in (self.path, self.last_checkpoint.parent, self.detector):
            sweep(path)

    # What it was tested on.

    @property
    def predictions_path(self) -> Path:
        """predictions.parquet: a row a scored test face (`ltw.engine.evaluate.SCHEMA`)."""
        return self.path / "predictions.parquet"

    def tested_faces(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        """Return each forgery's own test by (dataset, domain, compression): its fakes and reals.

        Raises:
            DataError: the run was not tested, or its predictions are damaged.
        """
        if not self.predictions_path.is_file():
            raise DataError(
                f"{self.path}: not tested yet ({self.predictions_path.name} is missing); test it: "
                f"ltw evaluate {self.path} --store DIR, or repeat the suite's command"
            )
        tests = domain_faces(self.predictions_path)[0].values()
        first = [faces.iloc[0] for faces in tests]  # a test begins with its fakes
        keys = [(face["dataset"], face["domain"], face["compression"]) for face in first]
        return dict(zip(keys, tests, strict=True))

    @property
    def metrics_path(self) -> Path:
        """metrics.json: what the predictions measure, by forgery."""
        return self.path / "metrics.json"

    def metrics(self) -> Metrics:
        """Return what was measured.

        Raises:
            DataError: the file is missing or damaged.
        """
        return Metrics.read(self.metrics_path, _AGAIN)

    # Its place in a suite.

    @property
    def is_of_suite(self) -> bool:
        """Whether it is a run of a suite."""
        return (self.path / _RECORD).is_file()

    def record(self) -> SuiteRecord:
        """Return which run of a suite it is.

        Raises:
            DataError: the file is missing or damaged.
        """
        return SuiteRecord.read(self.path / _RECORD, "delete the folder and run the suite again")

    def write_record(self, record: SuiteRecord) -> None:
        """Say which run of a suite it is."""
        record.write(self.path / _RECORD)

    def targets(self, benchmark: Benchmark) -> dict[str, TestMetrics] | None:
        """Return what was measured of each of the benchmark's targets; None if one is missing.

        A test of some other domain, or of some targets only, does not make a run finished.

        Raises:
            DataError: metrics.json is damaged.
        """
        if not self.metrics_path.is_file():
            return None
        found = {
            target: test
            for target in benchmark.targets
            for test in self.metrics().domains.values()
            if benchmark.is_target(target, test.dataset, test.domain)
        }
        return found if len(found) == len(benchmark.targets) else None

    # Robustness: its test faces under corruptions.

    @property
    def robustness_path(self) -> Path:
        """robustness.csv: what every condition measures."""
        return self.path / "robustness.csv"

    def corrupted_predictions(self, condition: object) -> Path:
        """Return the predictions file of one condition, named after it."""
        return self.path / "robustness" / f"{condition}.parquet"


def log_line(kind: str, step: int, epoch: int, values: dict[str, Any]) -> str:
    """Return a line of the log: ``kind`` note, step or epoch; steps and epochs count from 1."""
    return json.dumps({"kind": kind, "step": step, "epoch": epoch, **values}) + "\n"


def is_log_entry(line: object) -> bool:
    """Whether a line of the log, as JSON gives it, is what `log_line` writes."""
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        return False
    validation = line.get("validation", {})
    if not isinstance(validation, dict):
        return False
    numbers = [line.get(key, 0) for key in ("step", "epoch", "seconds", "waited_for_data")]
    numbers += validation.values()
    told = line["kind"] != "note" or isinstance(line.get("note"), str)
    return told and all(isinstance(n, int | float) for n in numbers)


def _is_until(line: str, step: int) -> bool:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return is_log_entry(entry) and bool(entry.get("step", 0) <= step)


def suite_folder(out: Path, name: str) -> RunFolder:
    """Return the folder of a suite's run in ``out``, the suite's folder."""
    return RunFolder(out / "runs" / name)


def suite_folders(out: Path) -> Iterator[RunFolder]:
    """Yield the runs in a suite's folder that say which they are, sorted by name."""
    for path in sorted((out / "runs").glob(f"*/{_RECORD}")):
        yield RunFolder(path.parent)


def find_runs(folder: Path, methods: list[str] | None = None) -> list[RunFolder]:
    """Return ``folder`` itself if it is a run, else the runs of the suite in it, by method.

    Raises:
        DataError: there is none, or none of one of the methods.
    """
    if RunFolder(folder).exists:
        runs = [RunFolder(folder)]
    else:
        runs = [RunFolder(p.parent) for p in sorted((folder / "runs").glob(f"*/{_CONFIG}"))]
    if not runs:
        raise DataError(f"{folder}: no run here; make some: ltw bench run, or ltw train")
    known = {run.config.method for run in runs}
    for method in methods or ():
        if method not in known:
            raise DataError(f"{folder}: no run of {method!r}{did_you_mean(method, known)}")
    return [run for run in runs if methods is None or run.config.method in methods]
