"""Official sizes of the data sets: videos by domain and split, and where the number is from.

The numbers are compared with a store by `ltw.data.checks.completeness`. None was counted on the
data sets themselves by this project, except FaceForensics++'s, which follow from its split lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ltw.types import REAL, SPLITS

PAPER_METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
TRAINING = ("train", "val")


@dataclass(frozen=True)
class Subset:
    """Subset of a data set: one domain in some splits; ``names`` of videos where published.

    An ``optional`` domain is one that most who have the data set do not have; ``remark`` is what
    the reader leaves out.
    """

    domain: str
    splits: tuple[str, ...]
    videos: int
    names: frozenset[str] = frozenset()
    optional: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Official:
    """Official size of a data set: its subsets at each compression, and where they are from."""

    source: str
    subsets: tuple[Subset, ...]


MIXED = "forgeries that join a person of train with one of val are left out"
OFFICIAL = {
    "deepfakedetection": Official(
        "the FaceForensics repository's description of the data set",
        (Subset(REAL, ("test",), 363), Subset("DeepFakeDetection", ("test",), 3068)),
    ),
    "celeb-df-v1": Official(
        "the data set's own description of version 1, which does not give the size of its test set",
        (Subset(REAL, SPLITS, 408), Subset("Celeb-DF", SPLITS, 795, remark=MIXED)),
    ),
    "celeb-df-v2": Official(
        "the data set's own description of version 2, and its List_of_testing_videos.txt",
        (
            Subset(REAL, ("test",), 178),
            Subset(REAL, TRAINING, 590 + 300 - 178),
            Subset("Celeb-DF", ("test",), 340),
            Subset("Celeb-DF", TRAINING, 5639 - 340, remark=MIXED),
        ),
    ),
    "dfdc": Official(
        "arXiv 2006.07397 for the totals; the 200 real test videos are LTW's",
        (
            Subset(REAL, ("test",), 200),
            Subset(REAL, TRAINING, 19154 - 200),
            Subset("DFDC", SPLITS, 100000),
        ),
    ),
    "dfdc-heldout": Official(
        "counts by users of the 5,000 videos that were given out with labels",
        (Subset(REAL, ("test",), 2500), Subset("DFDC", ("test",), 2500)),
    ),
}


def official(dataset: str) -> Official | None:
    """Return the official numbers of the data set that records name so; None where unknown."""
    return _faceforensics() if dataset == "faceforensics" else OFFICIAL.get(dataset)


@cache
def _faceforensics() -> Official:
    subsets = []
    for split in SPLITS:
        text = (files("ltw.data") / "splits" / f"{split}.json").read_text()
        pairs: list[tuple[str, str]] = json.loads(text)
        films = frozenset(name for pair in pairs for name in pair)
        forgeries = frozenset(f"{a}_{b}" for pair in pairs for a, b in (pair, pair[::-1]))
        subsets.append(Subset(REAL, (split,), len(films), films))
        subsets += [
            Subset(method, (split,), len(forgeries), forgeries, method not in PAPER_METHODS)
            for method in (*PAPER_METHODS, "FaceShifter")
        ]
    return Official("the official split lists", tuple(subsets))
