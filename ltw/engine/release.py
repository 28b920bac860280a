"""What a run's detector is released with: how to feed it, read it, and what it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ltw.config import Config
from ltw.data.loader import to_tensor
from ltw.data.pairing import Rows
from ltw.data.store import Store
from ltw.engine.calibration import calibrate
from ltw.engine.scoring import BATCH, score
from ltw.infer.familiarity import Familiar, sides
from ltw.infer.provenance import ANIMATED, FILMED, RENDERED
from ltw.models.detector import DetectorNetwork

COUNTED = ["dataset", "domain", "compression", "split"]
SYNTHETIC = {"rendered": RENDERED, "portraits": ANIMATED}
"""Kinds of people by the folder of `ltw synth` that their genuine videos lie in."""
LOOKED_AT = 1000
"""Faces at most whose looks are measured, of training and of validation each."""


def selection_note(selection: Mapping[str, Any]) -> str:
    """Say which epoch is released, where the last and that of the best validation AUC differ."""
    figures = (
        f"the {name} epoch, {selection[name]['epoch']}, has a validation AUC of "
        f"{selection[name]['validation_auc']:.3f}"
        for name in ("last", "best")
    )
    return f"{'; '.join(figures)}; the {selection['rule']} is released (training.selection)"


def describe_release(
    detector: DetectorNetwork, config: Config, store: Store, training: Rows, validation: Rows
) -> dict[str, Any]:
    """Return what detector.json holds beside the network's own keys; docs/release.md lists it.

    Args:
        detector: in evaluation mode; asked for the logits of the validation faces.
        config: of the run.
        store: where the faces lie.
        training: rows of the training faces of the sources.
        validation: rows of their validation faces; the target is never among them.
    """
    faces = store.records.loc[validation, ["label", "video"]]
    device = detector.mean.device
    faces["logit"] = score(
        lambda images: detector(images.to(device))[0],
        store,
        validation,
        image_size=detector.image_size,
    )
    return {
        **calibrate(faces, config.release.false_positive_rate, config.release.miss_rate),
        "preprocessing": {
            "colour_order": "RGB",
            "value_range": [0.0, 1.0],
            "mean": [round(value, 6) for value in detector.mean.flatten().tolist()],
            "std": [round(value, 6) for value in detector.std.flatten().tolist()],
            "crop_size": store.parameters.size,
            "margin": store.parameters.margin,
            "frames": store.parameters.frames,
        },
        "method": config.method,
        "sources": list(config.sources),
        "data": _count(store.records.loc[np.concatenate([training, validation])]),
        "people": kinds_of_people(store, training),
        "familiar": _familiar(detector, store, training, validation).to_json(),
        "version": version("ltw"),
        "date": datetime.now(UTC).date().isoformat(),
    }


def kinds_of_people(store: Store, rows: Rows) -> list[str]:
    """Return the kinds of people (`ltw.infer.provenance.PEOPLE`) among the genuine faces."""
    records = store.records.loc[rows]
    genuine = store.videos[store.videos["video"].isin(records.loc[records["label"] == 0, "video"])]
    found = set()
    for path in genuine["path"].map(PurePath):
        where = path.parts
        place = where.index("original_sequences") + 1 if "original_sequences" in where else 0
        found.add(SYNTHETIC.get(where[place], FILMED) if place else FILMED)
    return sorted(found)


def _familiar(
    detector: DetectorNetwork, store: Store, training: Rows, validation: Rows
) -> Familiar:
    """Measure what the training faces look like, to notice others."""
    seen, others = (rows[:: -(-len(rows) // LOOKED_AT)] for rows in (training, validation))
    features = []
    for rows in (seen, others):
        batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        features.append(np.concatenate([_features(detector, store, batch) for batch in batches]))
    records = store.records.loc[seen]
    cropped = records["detection_confidence"].isna().any()  # the box is then all of the picture
    sizes = None if cropped else sides(records["box"].tolist())
    return Familiar.measure(sizes, store.images(seen), *features)


def _features(detector: DetectorNetwork, store: Store, rows: Rows) -> NDArray[np.float32]:
    """Return features (K, C): the last map's means."""
    images = to_tensor(store.images(rows), detector.image_size)
    with torch.inference_mode():
        _, maps = detector(images.to(detector.mean.device))
        return np.asarray(maps.mean((2, 3)).float().cpu().numpy(), np.float32)


def release_notes(release: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for everything about a release that its user should know."""
    if not release["calibration"]["determined"]:
        yield (
            "the validation faces do not determine a temperature (all are told apart, or hardly "
            "any); probabilities are released as the network gives them"
        )
    asked = release["verdicts"]["asked"]
    for level in ("face", "video"):
        reals = release["verdicts"][level]["reals"]
        if asked * reals < 1:
            yield (
                f"the {level} threshold is coarse: it rests on {reals} genuine {level}s, of which "
                f"{asked:g} is less than one"
            )
        fakes, misses = release["verdicts"][level]["fakes"], release["verdicts"]["asked_misses"]
        if misses * fakes < 1:
            yield (
                f"the band of {level}s is coarse: it rests on {fakes} forged {level}s, of which "
                f"{misses:g} is less than one"
            )
        reached = release["verdicts"][level]["at_threshold"]["false_positive_rate"]
        if reached > asked:
            yield (
                f"no {level} threshold keeps to {asked:g} false positives: {reached:.3g} of the "
                f"genuine validation {level}s have the probability 1"
            )
    if release["preprocessing"]["margin"] is None:
        yield (
            "the training faces came cropped by somebody else: faces that this package finds are "
            "cut otherwise, and scores of them may be off"
        )


def _count(records: pd.DataFrame) -> list[dict[Any, Any]]:
    known = records["person"].where(records["person"] != "")  # nunique leaves NaN out
    groups = (
        records.assign(person=known)
        .groupby(COUNTED, sort=True)
        .agg(faces=("frame", "size"), videos=("video", "nunique"), people=("person", "nunique"))
    )
    return [dict(row) for row in groups.reset_index().to_dict("records")]  # keys are str
