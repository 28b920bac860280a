"""Evaluating a run: its released detector scores test faces, and what it says is measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from ltw.data.selection import evaluation_faces
from ltw.data.store import Store
from ltw.engine.build import choose_device
from ltw.engine.evaluate import Predictor, measure, other_predictions, predict_to_file
from ltw.engine.run_folder import RunFolder
from ltw.errors import DataError, did_you_mean, when_stopped
from ltw.files import atomic, require_writable, write_text
from ltw.models.detector import DetectorNetwork
from ltw.progress import progress_bar


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
    folder = RunFolder(run)
    config = folder.config
    for path in (folder.predictions_path, folder.metrics_path):
        require_writable(path)
    predict, image_size = load_predictor(folder)
    tests = _tests([Store(path) for path in stores], domains, config.compression)
    predictions = folder.predictions_path
    total = sum(len(rows) for _, rows in tests)
    with (
        when_stopped(lambda: f"{run}: stopped; what it was tested on before is kept"),
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
        folder.metrics_path.unlink(missing_ok=True)  # never metrics of other predictions
    write_text(folder.metrics_path, measured)


def load_predictor(run: RunFolder) -> tuple[Predictor, int]:
    """Return a run's released detector, on its device, and the size of image it wants.

    Raises:
        DataError: ``run`` is no run, or has no detector yet.
    """
    config = run.config
    if not run.detector.is_dir():
        raise DataError(f"{run}: this run has not ended; finish it: ltw train --resume {run}")
    detector = DetectorNetwork.load(run.detector)
    device = choose_device(config.training.device)
    detector.to(device).to(memory_format=torch.channels_last)

    def predict(images: Tensor) -> Tensor:
        logits, _ = detector(images.to(device))
        return torch.sigmoid(logits.double()).cpu()  # float32 ties from a logit of 16.6 on

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
