"""Faces of a gallery: which weighted faces are shown, with their pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.engine.evaluate import FaceSource

FACES = 12
"""How many faces a gallery shows of each class."""

CLASSES = {"Fakes": 1, "Reals": 0}


@dataclass(frozen=True)
class WeightedFace:
    """A face of a gallery: uint8 (S, S, 3) RGB, its domain and its weight."""

    image: NDArray[np.uint8]
    domain: str
    weight: float

    @property
    def uri(self) -> str:
        """The face as a small JPEG data URI."""
        _, data = cv2.imencode(".jpg", self.small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()

    @property
    def small(self) -> NDArray[np.uint8]:
        """The face at 112 px."""
        return cv2.resize(self.image, (112, 112), interpolation=cv2.INTER_AREA).astype(np.uint8)


def pick(weights: pd.DataFrame) -> pd.DataFrame:
    """Return `FACES` rows of ``weights`` (index, weight) at even ranks, lowest weight first."""
    ranked = weights.sort_values(["weight", "index"])
    ranks = np.linspace(0, len(ranked) - 1, min(FACES, len(ranked))).round().astype(int)
    return ranked.iloc[np.unique(ranks)]


def galleries(weights: pd.DataFrame, store: FaceSource) -> dict[str, list[WeightedFace]]:
    """Return the picked faces of each class by its name; ``weights`` is a weights.parquet.

    Raises:
        DataError: a face does not decode.
    """
    found = {}
    for name, label in CLASSES.items():
        chosen = pick(weights[weights["label"] == label])
        images = list(store.images(chosen["index"].tolist())) if len(chosen) else []
        found[name] = [
            WeightedFace(image, str(domain), float(weight))
            for image, domain, weight in zip(
                images, chosen["domain"], chosen["weight"], strict=True
            )
        ]
    return found
