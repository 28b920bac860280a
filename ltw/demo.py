"""The whole path on rendered people: corpus, faces, ERM and LTW, an unseen forgery, a report."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from ltw.bench.plan import PlannedRun
from ltw.bench.runner import complete
from ltw.bench.suites import Variant
from ltw.config import Config, DetectorConfig, TrainingConfig
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.engine.run_folder import suite_folder
from ltw.engine.schema import Benchmark
from ltw.files import atomic, write_text
from ltw.labels import METRIC_NAMES
from ltw.metrics import LEVELS
from ltw.models.backbones import PACKAGED
from ltw.report.figures import comparison
from ltw.report.figures.captioned import sections
from ltw.report.page import suite_page
from ltw.results.runs import read_runs
from ltw.synth.corpus import make_corpus
from ltw.synth.forgeries import DEFAULT_FORGERIES

log = logging.getLogger(__name__)

DEMO_METHODS = ("alltrain", "ltw")
TARGET = DEFAULT_FORGERIES[0]
PEOPLE, FRAMES = 28, 8


def run_demo(out: Path, seed: int = 0) -> dict[str, Any]:
    """Run everything into ``out`` and return what ``out``/results.json holds.

    What an earlier call finished is kept; ``seconds`` is then unknown (None).

    Raises:
        LTWError: as its stages do.
    """
    started, continued = time.monotonic(), out.exists()
    log.info("1/4 %d rendered people, forged in %d ways", PEOPLE, len(DEFAULT_FORGERIES))
    corpus, store = out / "corpus", out / "store"
    make_corpus(corpus, people=PEOPLE, frames=FRAMES, seed=seed)
    log.info("2/4 faces out of every video")
    extract(READERS["faceforensics"](corpus), store, frames=FRAMES)
    log.info("3/4 two detectors that never see %r", TARGET)
    config = demo_config(store, seed)
    benchmark = Benchmark("demo", config.sources, (TARGET, *config.sources))
    for method in DEMO_METHODS:
        own = config.model_copy(update={"method": method})
        complete(PlannedRun(suite_folder(out, method), benchmark, Variant(method), own, (store,)))
    log.info("4/4 results")
    seconds = None if continued else round(time.monotonic() - started, 1)
    return write_report(out, seconds)


def write_report(out: Path, seconds: float | None = None) -> dict[str, Any]:
    """Write results.json, report.html and comparison.png of the finished runs in ``out``.

    Returns what results.json holds: ``{"target", "sources", "methods": {method: {"frame": {metric:
    value}, "video": {...}, "domains": as in metrics.json}}, "seconds"}``.

    Raises:
        DataError: a run is incomplete or damaged.
    """
    runs = read_runs(out)
    results = {
        "target": TARGET,
        "sources": list(runs[0].config.sources),
        "methods": {
            run.row.method: {
                **{
                    level: {m: run.targets[TARGET].at(level)[m].value for m in METRIC_NAMES}
                    for level in LEVELS
                },
                "domains": {name: test.model_dump() for name, test in run.targets.items()},
            }
            for run in runs
        },
        "seconds": seconds,
    }
    write_text(out / "results.json", json.dumps(results, indent=2) + "\n")
    footer = "" if seconds is None else f"in {seconds:.0f} seconds, from videos to this page,"
    page = suite_page(out, title="ltw demo: rendered people", footer=footer, configs=True)
    write_text(out / "report.html", page.html())
    (section,) = sections(runs)
    with atomic(out / "comparison.png") as part:
        comparison.figures(section)[0].figure.savefig(part, format="png", dpi=150)
    return results


def demo_config(store: Path, seed: int) -> Config:
    """Return the demo's experiment: small faces, the packaged backbone, few steps."""
    return Config(
        store=store,
        sources=tuple(name for name in DEFAULT_FORGERIES if name != TARGET),
        target=TARGET,
        seed=seed,
        detector=DetectorConfig(backbone=PACKAGED[0], image_size=112),
        training=TrainingConfig(epochs=6, steps_per_epoch=10, batch_size=25, learning_rate=1e-3),
    )
