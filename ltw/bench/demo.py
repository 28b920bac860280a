"""The whole path on rendered people: corpus, faces, ERM and LTW, an unseen forgery, a report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ltw.bench.rotation import run_method, write_results
from ltw.config import Config, DetectorConfig, TrainingConfig
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.models.backbones import PACKAGED
from ltw.progress import console
from ltw.synth.corpus import make_corpus
from ltw.synth.forgeries import DEFAULT_FORGERIES

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
    methods = ("alltrain", "ltw")
    for method in methods:
        run_method(config, method, out)
    console.print("[bold]4/4[/] results")
    return write_results(
        config,
        methods,
        out,
        title="ltw demo: rendered people",
        seconds=None if continued else round(time.monotonic() - started, 1),
    )


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
