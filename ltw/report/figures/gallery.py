"""Gallery: training faces with their learned weights, lowest to highest (the paper's Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ltw.data.store import Store
from ltw.errors import DataError
from ltw.labels import domain_name, method_name
from ltw.palette import INK, MUTED
from ltw.report.figures.captioned import CaptionedFigure, Section
from ltw.report.figures.gallery_faces import FACES, WeightedFace, galleries
from ltw.report.figures.style import panels
from ltw.results.runs import Run
from ltw.types import REAL


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
