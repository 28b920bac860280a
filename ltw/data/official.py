"""Official sizes of the data sets: videos by domain and split, and where the number is from.

The numbers are compared with a store by `ltw.data.checks.completeness`. None was counted on the
data sets themselves by this project, except FaceForensics++'s, which follow from its split lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ltw.data.readers import celeb_df_pp, deeperforensics
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
    "celeb-df-pp": Official(
        "the authors' description of the test set, and Celeb-DF's of the genuine videos",
        (
            Subset(REAL, ("test",), 178),
            Subset(REAL, TRAINING, 590 + 300 - 178),
            *(
                Subset(method, ("test",), 300 if scenario == "TalkingFace" else 200, optional=True)
                for scenario, methods in celeb_df_pp.SCENARIOS.items()
                for method in methods
            ),
        ),
    ),
    "deeperforensics": Official(
        "the authors' description",
        (
            Subset(REAL, SPLITS, 1000),
            *(Subset(v, SPLITS, 1000, optional=True) for v in deeperforensics.VARIANTS),
        ),
    ),
    "ffiw": Official(
        "counts by users (dfwb-research/deepfake-workbench)",
        tuple(
            Subset(domain, (split,), videos)
            for domain in (REAL, "FFIW")
            for split, videos in (("train", 8000), ("val", 250), ("test", 1738))
        ),
    ),
    "wilddeepfake": Official(
        "counts by users (dfwb-research/deepfake-workbench)",
        (
            Subset(REAL, ("test",), 396),
            Subset(REAL, TRAINING, 3409),
            Subset("WildDeepfake", ("test",), 410),
            Subset("WildDeepfake", TRAINING, 3099),
        ),
    ),
    "uadfv": Official(
        "the data set's own description",
        (Subset(REAL, ("test",), 49), Subset("UADFV", ("test",), 49)),
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
