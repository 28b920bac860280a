"""What finished runs found: read from their folders, nothing else, into one table or one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from ltw.bench.plan import Run
from ltw.bench.suites import Benchmark
from ltw.engine.run import METRICS
from ltw.errors import DataError
from ltw.files import write_text
from ltw.metrics import METRICS as METRIC_NAMES

RECORD, RESULTS = "benchmark.json", "results.json"


def write_record(run: Run) -> None:
    """Write into a run's folder what it is a run of."""
    record = {
        "benchmark": asdict(run.benchmark),
        "method": run.variant.method,
        "variant": run.variant.name,
        "seed": run.config.seed,
        "notes": run.notes,
    }
    write_text(run.folder / RECORD, json.dumps(record, indent=2) + "\n")


def read_record(folder: Path) -> tuple[dict[str, Any], Benchmark]:
    """Read what `write_record` wrote into a run's folder, and its benchmark.

    Raises:
        DataError: the file is missing or damaged.
    """
    record = _read(folder / RECORD)
    return record, benchmark_of(record)


def benchmark_of(record: Mapping[str, Any]) -> Benchmark:
    """Return the benchmark that a record, or one of `finished`, holds as tables of names."""
    names = record["benchmark"]
    return Benchmark(
        names["name"], tuple(names["sources"]), tuple(names["targets"]), names["compression"]
    )


def measured(folder: Path, benchmark: Benchmark) -> dict[str, Any] | None:
    """Return what metrics.json says of each target, ``{target: {...}}``; None if one is missing.

    A test of some other domain, or of some targets only, does not make a run finished.

    Raises:
        DataError: the file is damaged.
    """
    if not (folder / METRICS).is_file():
        return None
    domains = _read(folder / METRICS).get("domains", {}).values()
    found = {
        target: entry
        for target in benchmark.targets
        for entry in domains
        if benchmark.is_target(target, entry["dataset"], entry.get("domain", ""))
    }
    return found if len(found) == len(benchmark.targets) else None


def finished(out: Path) -> list[dict[str, Any]]:
    """Return every finished run below ``out``, sorted by folder.

    ``{"run": folder's name, "benchmark": {"name", "sources", "targets", "compression"}, "method",
    "variant", "seed", "notes": [str], "targets": {target: as a domain in metrics.json}}``; a
    domain that metrics.json has a note about, for want of videos, passes it on.

    Raises:
        DataError: a file of a run is damaged.
    """
    runs = []
    for path in sorted((out / "runs").glob(f"*/{RECORD}")):
        record, benchmark = read_record(path.parent)
        targets = measured(path.parent, benchmark)
        if targets is not None:
            runs.append({"run": path.parent.name, **record, "targets": targets})
    return runs


def collect(out: Path) -> pd.DataFrame:
    """Return the figures of every finished run below ``out``, read from the run folders alone.

    A row a (run, target, level, metric): run, benchmark, method, variant, seed, target, dataset,
    domain, compression, frames, videos, level (``frame`` or ``video``), metric, value, low, high
    (the 95% interval over videos, NaN where there is none) and notes (joined by ``"; "``).

    Raises:
        DataError: a file of a run is damaged.
    """
    rows = [
        {
            "run": run["run"],
            "benchmark": run["benchmark"]["name"],
            **{key: run[key] for key in ("method", "variant", "seed")},
            "target": target,
            **{k: test[k] for k in ("dataset", "domain", "compression", "frames", "videos")},
            "level": level,
            "metric": metric,
            **test[level][metric],
            "notes": "; ".join(run["notes"]),
        }
        for run in finished(out)
        for target, test in run["targets"].items()
        for level in ("frame", "video")
        for metric in METRIC_NAMES
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(("value", "low", "high"), float))


COLUMNS = (
    *("run", "benchmark", "method", "variant", "seed", "target", "dataset", "domain"),
    *("compression", "frames", "videos", "level", "metric", "value", "low", "high", "notes"),
)


def write_results(out: Path) -> Path:
    """Write `finished` into ``out``/results.json, atomically, and return its path."""
    text = json.dumps({"runs": finished(out)}, indent=2)
    write_text(out / RESULTS, text + "\n")
    return out / RESULTS


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); delete it and run the suite again") from None
    return values
