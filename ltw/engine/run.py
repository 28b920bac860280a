"""A run folder: what it was started with, what it released, and how that does on test faces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ltw.config import Config, load_config
from ltw.data.selection import evaluation_faces
from ltw.data.store import Store
from ltw.engine.build import choose_device
from ltw.engine.evaluate import Predictor, measure, other_predictions, predict_to_file
from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.files import atomic, write_text
from ltw.models.detector import DetectorNetwork
from ltw.progress import progress_bar

CONFIG, LOG = "config.toml", "metrics.jsonl"
LAST, BEST = "checkpoints/last.safetensors", "checkpoints/best.safetensors"
CIRCUMSTANCES = {
    "store",
    *(f"training.{k}" for k in ("workers", "threads", "device")),
    "release.false_positive_rate",
}
"""Keys that may differ when a run is resumed, since neither weights nor tables depend on them.

All others are what it is.
"""
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


def read_log(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log: its notes, steps and epochs.

    Raises:
        DataError: the log is missing or damaged.
    """
    path = run / LOG
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise DataError(f"{path}: missing") from None
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error})") from None


def require_config(run: Path, config: Config) -> None:
    """Check that ``run`` was started with ``config``, up to where and how fast it runs.

    Raises:
        DataError: ``run`` is no run.
        ConfigError: values differ; the message names their keys.
    """
    old, new = settings(read_run_config(run)), settings(config)
    changed = [key for key in old if old[key] != new[key]]
    if changed:
        raise ConfigError(
            f"{run}: was started with other values of {', '.join(changed)}; use another folder"
        )


def settings(config: Config) -> dict[str, Any]:
    """Return what makes a run the run it is, by dotted key: all but `CIRCUMSTANCES`."""
    values = dict(_flat(config.model_dump(mode="json")))
    return {key: value for key, value in values.items() if key not in CIRCUMSTANCES}


def settings_hash(config: Config) -> str:
    """Return 8 hexadecimal digits that differ where `settings` do."""
    text = json.dumps(settings(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def evaluate_run(
    run: Path, stores: Sequence[Path], domains: Sequence[str] = (), *, batch_size: int = 64
) -> None:
    """Score test faces with the run's released detector: predictions.parquet, then metrics.json.

    ``domains`` are forgeries of the stores, by default all; their reals come with them. Faces are
    of the split ``test`` and, where the run was trained on one compression, of that. What the run
    was tested on before stays in both files, unless it is scored anew. A call that is cut off while
    it scores leaves both as they were.

    Raises:
        DataError: ``run`` has no detector, no store has such faces, or two have the same.
    """
    config = read_run_config(run)
    predict, image_size = load_predictor(run)
    tests = _tests([Store(path) for path in stores], domains, config.compression)
    predictions = run / PREDICTIONS
    total = sum(len(rows) for _, rows in tests)
    with (
        atomic(predictions) as part,
        progress_bar(f"score {config.method}", total) as advance,
    ):
        predict_to_file(
            predict,
            tests,
            part,
            image_size=image_size,
            batch_size=batch_size,
            kept=other_predictions(predictions, tests) if predictions.exists() else None,
            on_batch=advance,
        )
        measured = json.dumps(measure(part), indent=2, allow_nan=False) + "\n"
        (run / METRICS).unlink(missing_ok=True)  # never metrics of other predictions
    write_text(run / METRICS, measured)


def load_predictor(run: Path) -> tuple[Predictor, int]:
    """Return a run's released detector, on its device, and the size of image it wants.

    Raises:
        DataError: ``run`` is no run, or has no detector yet.
    """
    config = read_run_config(run)
    if not (run / "detector").is_dir():
        raise DataError(f"{run}: this run has not ended; finish it: ltw train CONFIG --resume")
    detector = DetectorNetwork.load(run / "detector")
    device = choose_device(config.training.device)
    detector.to(device).to(memory_format=torch.channels_last)

    def predict(images: Tensor) -> Tensor:
        logits, _ = detector(images.to(device))
        return torch.sigmoid(logits).cpu()

    return predict, detector.image_size


def _tests(
    stores: Sequence[Store], domains: Sequence[str], compression: str | None
) -> list[tuple[Store, list[int]]]:
    """Return each store that has faces to test on, with their rows."""
    held = [set(store.records.loc[store.records["label"] == 1, "domain"]) for store in stores]
    known = set().union(*held)
    for domain in domains:
        if domain not in known:
            where = ", ".join(str(store.path) for store in stores)
            raise DataError(f"domain {domain!r} is not in {where}{did_you_mean(domain, known)}")
    tests = []
    for store, here in zip(stores, held, strict=True):
        wanted = [domain for domain in domains if domain in here]
        if wanted or not domains:
            rows = evaluation_faces(store.records, wanted, compression)
            tests.append((store, rows.tolist()))
    videos = pd.concat([s.records.iloc[rows]["video"].drop_duplicates() for s, rows in tests])
    if (twice := videos[videos.duplicated()]).size:
        raise DataError(f"{twice.iloc[0]} and {twice.size - 1} more videos are in two stores")
    return tests


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested tables."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
