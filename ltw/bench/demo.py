"""The whole path on rendered people: corpus, faces, ERM and LTW, an unseen forgery, a report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltw.bench.figures.comparison import comparison_figure
from ltw.bench.plan import Run
from ltw.bench.report import collect_results, write_report
from ltw.bench.runner import complete
from ltw.bench.suites import Benchmark, Variant
from ltw.config import Config, DetectorConfig, TrainingConfig
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.files import atomic, write_text
from ltw.models.backbones import PACKAGED
from ltw.progress import console
from ltw.synth.corpus import make_corpus
from ltw.synth.forgeries import DEFAULT_FORGERIES

METHODS = ("alltrain", "ltw")
TARGET = DEFAULT_FORGERIES[0]
PEOPLE, FRAMES = 28, 8


def run_demo(out: Path, seed: int = 0) -> dict[str, Any]:
    """Run everything into ``out`` and return what ``out``/results.json holds.

    What an earlier call finished is kept; ``seconds`` is then unknown (None).

    Raises:
        LTWError: as its stages do.
    """
    started, continued = time.monotonic(), out.exists()
    console.print(f"[bold]1/4[/] {PEOPLE} rendered people, forged in {len(DEFAULT_FORGERIES)} ways")
    corpus, store = out / "corpus", out / "store"
    make_corpus(corpus, people=PEOPLE, frames=FRAMES, seed=seed)
    console.print("[bold]2/4[/] faces out of every video")
    extract(READERS["faceforensics"](corpus), store, frames=FRAMES)
    console.print(f"[bold]3/4[/] two detectors that never see {TARGET!r}")
    config = demo_config(store, seed)
    benchmark = Benchmark("demo", config.sources, (TARGET, *config.sources))
    runs = {method: out / "runs" / method for method in METHODS}
    for method, folder in runs.items():
        own = config.model_copy(update={"method": method})
        complete(Run(folder, benchmark, Variant(method), own, (store,)))
    console.print("[bold]4/4[/] results")
    seconds = None if continued else round(time.monotonic() - started, 1)
    return write_results(out, runs, config, seconds)


def write_results(
    out: Path, runs: Mapping[str, Path], config: Config, seconds: float | None = None
) -> dict[str, Any]:
    """Write results.json, report.html and comparison.png of finished runs, by method, into ``out``.

    Returns what results.json holds.

    Raises:
        DataError: a run is incomplete, or was not measured on the target.
    """
    results = collect_results(runs, sources=config.sources, target=TARGET, seconds=seconds)
    write_text(out / "results.json", json.dumps(results, indent=2) + "\n")
    write_report(
        out / "report.html",
        runs,
        store=config.store,
        sources=config.sources,
        target=TARGET,
        title="ltw demo: rendered people",
        seconds=seconds,
    )
    with atomic(out / "comparison.png") as part:
        comparison_figure(results).savefig(part, format="png", dpi=150)
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
