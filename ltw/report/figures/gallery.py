"""Gallery: training faces with their learned weights, lowest to highest (the paper's Fig. 4)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ltw.data.store import Store
from ltw.engine.evaluate import FaceSource
from ltw.errors import DataError
from ltw.labels import domain_name, method_name
from ltw.palette import INK, MUTED
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.style import panels
from ltw.results.runs import Run
from ltw.types import REAL

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


def figures(section: Section, run: Run) -> list[CaptionedFigure]:
    """Return the gallery of one run.

    Raises:
        DataError: the run has no weights, or its store is gone or another.
    """
    weights = run.folder.weights()
    store = Store(run.config.store)
    held = store.records["domain"].reindex(weights["index"])
    if held.tolist() != weights["domain"].tolist():
        raise DataError(f"{store.path}: no longer the store that {run.folder.name} was trained on")
    shown = galleries(weights, store)
    words = (
        f"Training faces and what they weigh in training mode, seed {run.seed}: fakes and reals "
        f"apart, at even ranks from the lowest weight to the highest of {len(weights):,}."
    )
    title = f"Gallery of {method_name(run.row.method)}"
    return [CaptionedFigure(section.name, title, words, gallery_figure(shown), shown)]


def gallery_figure(shown: Mapping[str, Sequence[WeightedFace]]) -> Figure:
    """Draw galleries, a row a class, each face with its weight and, if forged, its domain."""
    figure, grid = panels(10.5, 1.35 * len(shown), len(shown), FACES)
    for row, (name, faces) in enumerate(shown.items()):
        cells = grid[row * FACES : (row + 1) * FACES]
        for axes, face in zip(cells, faces, strict=False):
            axes.imshow(face.small)
            axes.set_title(f"{face.weight:.3f}", fontsize=9, pad=3, color=INK.light)
            under = "" if face.domain == REAL else domain_name(face.domain).replace(" ", "\n", 1)
            axes.set_xlabel(under, fontsize=7, color=MUTED.light, labelpad=2)
        for axes in cells:
            axes.grid(visible=False)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes in cells[len(faces) :]:
            axes.set_visible(False)
        cells[0].set_ylabel(name, fontsize=10, color=INK.light)
    return figure


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
