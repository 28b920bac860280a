"""A run folder: what it was started with, what it released, and how that does on test faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltw.config import Config, load_config
from ltw.data.selection import evaluation_faces
from ltw.data.store import Store
from ltw.engine.build import choose_device
from ltw.engine.evaluate import predict_to_file, write_metrics
from ltw.errors import ConfigError, DataError
from ltw.models.detector import Detector
from ltw.progress import progress_bar

CONFIG = "config.toml"
LAST, BEST = "checkpoints/last.safetensors", "checkpoints/best.safetensors"
CIRCUMSTANCES = {"store", *(f"training.{k}" for k in ("workers", "threads", "device"))}
"""Keys that may differ when a run is resumed, on another machine say."""
PREDICTIONS, METRICS = "predictions.parquet", "metrics.json"


def read_run_config(run: Path) -> Config:
    """Read the config that a run was started with.

    Raises:
        DataError: ``run`` is no run.
        ConfigError: its config is damaged.
    """
    path = run / CONFIG
    if not path.is_file():
        raise DataError(f"{run}: no run here ({CONFIG} is missing); make one: ltw train")
    return load_config(path)


def require_config(run: Path, config: Config) -> None:
    """Check that ``run`` was started with ``config``, up to where and how fast it runs.

    Raises:
        DataError: ``run`` is no run.
        ConfigError: values differ; the message names their keys.
    """
    old, new = (dict(_flat(c.model_dump())) for c in (read_run_config(run), config))
    changed = [key for key in old if key not in CIRCUMSTANCES and old[key] != new[key]]
    if changed:
        raise ConfigError(
            f"{run}: was started with other values of {', '.join(changed)}; use another folder"
        )


def evaluate_run(
    run: Path, store: Path, domains: Sequence[str] = (), *, batch_size: int = 64
) -> None:
    """Score test faces with the run's released detector: predictions.parquet, then metrics.json.

    ``domains`` are forgeries of the store, by default all; their reals come with them. Faces are
    of the split ``test`` and, where the run was trained on one compression, of that.

    Raises:
        DataError: ``run`` has no detector, or the store no such faces.
    """
    config = read_run_config(run)
    if not (run / "detector").is_dir():
        raise DataError(f"{run}: this run has not ended; finish it: ltw train CONFIG --resume")
    detector = Detector.load(run / "detector")
    device = choose_device(config.training.device)
    detector.to(device).to(memory_format=torch.channels_last)
    faces = Store(store)
    rows = evaluation_faces(faces.records, list(domains), config.compression)

    def predict(images: Tensor) -> Tensor:
        logits, _ = detector(images.to(device))
        return torch.sigmoid(logits).cpu()

    (run / METRICS).unlink(missing_ok=True)  # they would be of other predictions
    with progress_bar(f"score {config.method}", len(rows)) as advance:
        predict_to_file(
            predict,
            faces,
            rows.tolist(),
            run / PREDICTIONS,
            image_size=detector.image_size,
            batch_size=batch_size,
            on_batch=advance,
        )
    write_metrics(run / PREDICTIONS, run / METRICS)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested tables."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
