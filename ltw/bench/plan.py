"""From a suite and stores to runs: every one checked before any is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ltw.bench.suites import Suite, Variant
from ltw.config import Config, parse_config, set_key
from ltw.data.checks.leaks import shared_people
from ltw.data.selection import evaluation_faces, source_faces
from ltw.data.store import Store
from ltw.engine.run_folder import RunFolder, suite_folder
from ltw.engine.schema import Benchmark, SuiteRecord
from ltw.engine.settings import settings_hash
from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.methods import METHODS
from ltw.types import ONE_LEVEL

FIXED = ("store", "sources", "target", "method", "seed")
"""Keys that the suite decides; ``compression`` too, where the benchmark names one."""
SHOWN = 3


@dataclass(frozen=True)
class PlannedRun:
    """One training and its tests: ``tests`` are the stores that hold the benchmark's targets.

    ``notes`` say what a reader of its results must know.
    """

    folder: RunFolder
    benchmark: Benchmark
    variant: Variant
    config: Config
    tests: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.benchmark.name} {self.variant} seed {self.config.seed}"

    @property
    def record(self) -> SuiteRecord:
        """What its folder says that it is."""
        return SuiteRecord(
            benchmark=self.benchmark,
            method=self.variant.method,
            variant=self.variant.name,
            seed=self.config.seed,
            notes=self.notes,
        )

    @property
    def is_finished(self) -> bool:
        """Whether every target of the benchmark has been measured."""
        return self.folder.targets(self.benchmark) is not None


@dataclass(frozen=True)
class _Place:
    """Where a benchmark's faces lie."""

    training: Path
    tests: tuple[Path, ...]
    notes: tuple[str, ...]


def plan(
    suite: Suite,
    stores: Sequence[Path],
    out: Path,
    *,
    seeds: int = 1,
    settings: Mapping[str, Any] | None = None,
    allow_leaks: bool = False,
) -> list[PlannedRun]:
    """Return the suite's runs, seed by seed, in folders below ``out``/runs.

    ``settings`` (dotted keys of `Config`) hold for all runs and win over the suite's own. A run's
    folder is named after what it is, with a hash of its settings: a changed one is another run.

    Raises:
        ConfigError: a setting is not valid, or is the suite's to decide.
        DataError: the stores lack sources, targets or splits, hold them twice, or someone is
            trained and tested on and ``allow_leaks`` is not set (with it, the run's notes say so).
    """
    settings = settings or {}
    opened = {path: Store(path) for path in dict.fromkeys(path.resolve() for path in stores)}
    places = {
        benchmark: _locate(benchmark, _compression(benchmark, settings), opened, allow_leaks)
        for benchmark in suite.benchmarks
    }
    runs = [
        _run(suite, benchmark, variant, seed, places[benchmark], settings, out)
        for seed in range(seeds)
        for benchmark in suite.benchmarks
        for variant in suite.variants
    ]
    return list({run.folder: run for run in runs}.values())


def forgeries(stores: Sequence[Path]) -> list[str]:
    """Return the forgeries that the stores hold, sorted."""
    tables = [Store(path).records for path in stores]
    return sorted({domain for t in tables for domain in t.loc[t["label"] == 1, "domain"]})


def variant_config(
    suite: Suite,
    benchmark: Benchmark,
    variant: Variant,
    store: Path,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Config:
    """Return what a run of a suite trains, on the faces in ``store``; ``settings`` win over all.

    Raises:
        ConfigError: a setting is not valid.
    """
    unseen = [target for target in benchmark.targets if target not in benchmark.sources]
    values: dict[str, Any] = {
        "store": store,
        "sources": benchmark.sources,
        "target": unseen[0] if len(unseen) == 1 else None,
        "compression": benchmark.compression,
        "method": variant.method,
        "seed": seed,
    }
    for key, value in (suite.options(variant) | dict(settings or {})).items():
        set_key(values, key, value)
    return parse_config(values, f"{benchmark.name} {variant}")


def _run(
    suite: Suite,
    benchmark: Benchmark,
    variant: Variant,
    seed: int,
    place: _Place,
    settings: Mapping[str, Any],
    out: Path,
) -> PlannedRun:
    config = variant_config(suite, benchmark, variant, place.training, seed=seed, settings=settings)
    _require_method(config, f"{benchmark.name} {variant}")
    names = [benchmark.name, *str(variant).split(), f"seed{seed}", settings_hash(config)]
    folder = suite_folder(out, "-".join(names))
    return PlannedRun(folder, benchmark, variant, config, place.tests, place.notes)


def _require_method(config: Config, name: str) -> None:
    """Refuse a method that there is not, and one that holds out a source where there is one."""
    if config.method not in METHODS:
        raise ConfigError(f"{name}: no such method{did_you_mean(config.method, METHODS)}")
    if METHODS[config.method].paired and len(config.sources) < 2:
        raise DataError(f"{name}: it holds out a source at every epoch, so it needs at least two")


def _compression(benchmark: Benchmark, settings: Mapping[str, Any]) -> str | None:
    fixed = [key for key in settings if key in FIXED]
    if benchmark.compression and "compression" in settings:
        fixed.append("compression")
    if fixed:
        raise ConfigError(f"--set {fixed[0]}: {benchmark.name} decides that; choose another suite")
    chosen: str | None = settings.get("compression", benchmark.compression)
    return chosen


def _locate(
    benchmark: Benchmark, compression: str | None, stores: Mapping[Path, Store], allow_leaks: bool
) -> _Place:
    """Find the store to train on and those to test on, and compare the people in them."""
    training = _training_store(benchmark, compression, stores)
    records = stores[training].records
    seen = pd.concat(
        records.loc[source_faces(records, list(benchmark.sources), compression, split)]
        for split in ("train", "val")
    )
    held: dict[Path, list[str]] = {}
    for target in benchmark.targets:
        path = _testing_store(benchmark, target, compression, stores)
        held.setdefault(path, []).append(target.split("/")[-1])
    unseen = pd.concat(
        stores[path].records.loc[evaluation_faces(stores[path].records, domains, compression)]
        for path, domains in held.items()
    )
    leaks = [str(leak) for leak in shared_people(seen, unseen)]
    if leaks and not allow_leaks:
        raise DataError(
            f"{benchmark.name}: trained and tested on alike: {_few(leaks)}. Such a test measures "
            "recognition; extract other splits, or accept it with --allow-leaks"
        )
    notes = (f"leak: trained and tested on alike: {_few(leaks)}",) if leaks else ()
    return _Place(training, tuple(held), notes)


def _training_store(
    benchmark: Benchmark, compression: str | None, stores: Mapping[Path, Store]
) -> Path:
    """Return the one store with all sources, in data sets that are not tested on."""
    found, reasons = [], []
    for path, store in stores.items():
        try:
            for split in ("train", "val"):
                rows = source_faces(store.records, list(benchmark.sources), compression, split)
                _require_no_foreign(benchmark, store.records.loc[rows, "dataset"])
        except DataError as error:
            reasons.append(f"  {path}: {error} ({_holdings(store.records)})")
        else:
            found.append(path)
    wanted = f"{', '.join(benchmark.sources)}{_at(compression)}"
    if not found:
        reasons.insert(0, f"{benchmark.name}: no store to train on, with {wanted}")
        raise DataError("\n".join(reasons))
    if len(found) > 1:
        raise DataError(
            f"{benchmark.name}: {' and '.join(map(str, found))} each hold {wanted}; give the one "
            "to train on, or extract the sources into one store"
        )
    return found[0]


def _require_no_foreign(benchmark: Benchmark, datasets: pd.Series[str]) -> None:
    if both := sorted(benchmark.foreign & set(datasets)):
        raise DataError(
            f"the data set {both[0]!r} is to be tested on, never trained on: "
            "extract it into a store of its own"
        )


def _testing_store(
    benchmark: Benchmark, target: str, compression: str | None, stores: Mapping[Path, Store]
) -> Path:
    """Return the one store with test faces of ``target``, at one compression."""
    found: list[tuple[Path, str]] = []
    for path, store in stores.items():
        fakes = store.records[(store.records["split"] == "test") & (store.records["label"] == 1)]
        settings = fakes[["dataset", "domain", "compression"]].drop_duplicates()
        for dataset, domain, level in settings.itertuples(index=False, name=None):
            fits = compression is None or level in (compression, ONE_LEVEL)
            if fits and benchmark.is_target(target, dataset, domain):
                found.append((path, f"{dataset} at {level} in {path}"))
    if not found:
        lines = [f"  {path}: {_holdings(store.records)}" for path, store in stores.items()]
        lines.insert(0, f"{benchmark.name}: no test face of {target}{_at(compression)}")
        raise DataError("\n".join(lines))
    if len(found) > 1:
        places = ", ".join(place for _, place in found)
        raise DataError(
            f"{benchmark.name}: {target} is there more than once: {places}; leave stores out, or "
            "choose one compression with --set compression=LEVEL"
        )
    return found[0][0]


def _holdings(records: pd.DataFrame) -> str:
    """Return what a store holds, for a message: forgeries by data set and compression."""
    fakes = records[records["label"] == 1]
    groups = fakes.groupby(["dataset", "compression"])["domain"].unique().reset_index()
    return "it has " + (
        "; ".join(
            f"{', '.join(sorted(domains))} of {dataset} at {level}"
            for dataset, level, domains in groups.itertuples(index=False, name=None)
        )
        or "no forgery"
    )


def _at(compression: str | None) -> str:
    return f" at {compression}" if compression else ""


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
