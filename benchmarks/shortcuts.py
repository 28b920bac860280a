"""What trivial cues tell of a store's forgeries: a corpus of one's own must not give itself away.

    python benchmarks/shortcuts.py STORE [--compression c23] [--folds 5]

For each forgery, a logistic regression on cues that know nothing of forgery (mean colour,
sharpness, blocks of JPEG, size when encoded, border, box, light) tells its faces from the genuine
ones beside them. People are split: everybody is scored by a probe that has seen neither them nor
their partner. 0.5 is chance; printed are the AUC over all faces with its 95% interval (videos
resampled), the same of faces without a known failure, and the cue that tells most by itself.

What compares places within a face (its middle with its surroundings) is not among the cues: that is
what a forgery detector is there to see.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ltw.data.store import Store
from ltw.metrics import auc, bootstrap
from ltw.types import REAL

AIM = 0.65
BLOCK = 8
RING = 4

Cues = dict[str, list[float]]


def picture_cues(image: NDArray[np.uint8]) -> Cues:
    """Cues of the crop's pixels, a list of numbers each."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.0)
    spectrum = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(len(grey))]))
    octaves = [
        spectrum[(low < frequency) & (frequency <= 2 * low)].sum() for low in (1 / 16, 1 / 8, 1 / 4)
    ]
    inside = np.zeros(grey.shape, bool)
    inside[RING:-RING, RING:-RING] = True
    ring = grey[~inside]
    return {
        "colour": [*image.mean(axis=(0, 1)) - image.mean(), float(saturation.mean())],
        "light": [float(grey.mean()), float(grey.std()), *np.percentile(grey, (2, 98))],
        "sharpness": [
            float(np.log1p(cv2.Laplacian(grey, cv2.CV_32F).var())),
            float(np.log1p(np.median(np.abs(fine)))),
            *np.log1p(octaves),
        ],
        "blocks": blockiness(grey),
        "border": [float(ring.mean() - grey.mean()), float(ring.std())],
    }


def blockiness(grey: NDArray[np.float32]) -> list[float]:
    """How much stronger steps are on the strongest of the 8 grids, along rows and columns."""
    found = []
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, n=2, axis=axis)).mean(axis=1 - axis)
        phases = [steps[phase::BLOCK].mean() for phase in range(BLOCK)]
        found.append(float(np.log((max(phases) + 0.1) / (np.median(phases) + 0.1))))
    return found


def record_cues(face: pd.Series, encoded: int) -> Cues:
    """Cues of how the face was found and stored."""
    x0, y0, x1, y1 = face["box"]
    left, top, right, _ = face["crop"]
    return {
        "encoded size": [float(np.log(encoded))],
        "box": [
            float(np.log(max(x1 - x0, y1 - y0))),
            float(np.log((x1 - x0) / (y1 - y0))),
            float(x0 + x1) / 2,
            float(y0 + y1) / 2,
            float(max(0, -left, -top)),
            float(right - left),
        ],
        "detection": [float(face["detection_confidence"])],
    }


def all_cues(store: Store, rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Every cue of the faces ``rows``, (n, numbers of the cue)."""
    faces = []
    for index, face in rows.iterrows():
        encoded = store.encoded(int(str(index)))
        size = 0 if encoded is None else len(encoded)
        faces.append(picture_cues(store.image(int(str(index)))) | record_cues(face, size))
    table = {name: np.array([face[name] for face in faces], np.float64) for name in faces[0]}
    return {name: np.nan_to_num(values) for name, values in table.items()}


def couples(rows: pd.DataFrame) -> NDArray[np.int64]:
    """A number for everybody and those they are forged with."""
    root = {person: person for person in set(rows["person"]) | set(rows["donor_person"])}

    def find(person: str) -> str:
        while root[person] != person:
            person = root[person]
        return person

    for person, donor in zip(rows["person"], rows["donor_person"], strict=True):
        if donor:
            root[find(donor)] = find(person)
    return pd.factorize(np.array([find(person) for person in rows["person"]]))[0]


def probe(
    values: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int
) -> NDArray[np.float64]:
    """P(fake) of every face by a probe that has not seen its people."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced")
    )
    cut = GroupKFold(min(folds, len(set(groups))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = cross_val_predict(model, values, labels, groups=groups, cv=cut, method="predict_proba")
    return np.asarray(p[:, 1], np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--compression", help="default: every level by itself")
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args()
    store = Store(arguments.store)
    records = store.records
    if arguments.compression:
        records = records[records["compression"] == arguments.compression]
    cues = all_cues(store, records)
    place = pd.Series(range(len(records)), index=records.index)
    columns = ("data set", "level", "forgery", "faces", "AUC", "sound faces", "strongest cue")
    table = Table(*columns, box=SIMPLE)
    worst = 0.0
    for (dataset, level), rows in records.groupby(["dataset", "compression"]):
        for forgery in sorted(set(rows["domain"]) - {REAL}):
            both = rows[rows["domain"].isin([REAL, forgery])]
            at, labels = place[both.index].to_numpy(), both["label"].to_numpy()
            videos, groups = both["video"].to_numpy(), couples(both)
            together = np.hstack([cue[at] for cue in cues.values()])
            p = probe(together, labels, groups, arguments.folds)
            sound = (both["failure"] == "").to_numpy()
            alone = {
                name: auc(labels, probe(cue[at], labels, groups, arguments.folds))
                for name, cue in cues.items()
            }
            strongest = max(alone, key=lambda name: alone[name])
            worst = max(worst, auc(labels, p))
            table.add_row(
                str(dataset),
                str(level),
                forgery,
                str(len(both)),
                estimate(labels, p, videos),
                estimate(labels[sound], p[sound], videos[sound]),
                f"{strongest} {alone[strongest]:.2f}",
            )
    console = Console(width=140)
    console.print(table)
    console.print(f"highest AUC: {worst:.3f}; aim: at most {AIM} for every forgery")


def estimate(labels: NDArray[np.int64], p: NDArray[np.float64], videos: NDArray[np.object_]) -> str:
    low, high = bootstrap(labels, p, videos)["frame"]["auc"]
    return f"{auc(labels, p):.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
