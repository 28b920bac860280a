"""What a run's detector is released with: how to feed it, read it, and what it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from ltw.config import Config
from ltw.data.pairing import Rows
from ltw.data.store import Store
from ltw.engine.calibration import calibrate
from ltw.engine.scoring import score
from ltw.models.detector import DetectorNetwork

COUNTED = ["dataset", "domain", "compression", "split"]


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
        **calibrate(faces, config.release.false_positive_rate),
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
        "version": version("ltw"),
    }


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
