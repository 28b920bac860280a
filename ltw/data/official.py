"""How many videos each data set officially has, by domain and split, and where the number is from.

The numbers are compared with a store by `ltw.data.completeness`. None was counted on the data sets
themselves by this project, except FaceForensics++'s, which follow from its split lists.
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
class Group:
    """The videos of one domain in some splits; ``names`` are theirs, where they are published.

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
    """The groups of one data set, at each of its compressions, and where the numbers are from."""

    source: str
    groups: tuple[Group, ...]


MIXED = "forgeries that join a person of train with one of val are left out"
OFFICIAL = {
    "deepfakedetection": Official(
        "the FaceForensics repository's description of the data set",
        (Group(REAL, ("test",), 363), Group("DeepFakeDetection", ("test",), 3068)),
    ),
    "celeb-df-v1": Official(
        "the data set's own description of version 1, which does not give the size of its test set",
        (Group(REAL, SPLITS, 408), Group("Celeb-DF", SPLITS, 795, remark=MIXED)),
    ),
    "celeb-df-v2": Official(
        "the data set's own description of version 2, and its List_of_testing_videos.txt",
        (
            Group(REAL, ("test",), 178),
            Group(REAL, TRAINING, 590 + 300 - 178),
            Group("Celeb-DF", ("test",), 340),
            Group("Celeb-DF", TRAINING, 5639 - 340, remark=MIXED),
        ),
    ),
    "dfdc": Official(
        "arXiv 2006.07397 for the totals; the 200 real test videos are LTW's",
        (
            Group(REAL, ("test",), 200),
            Group(REAL, TRAINING, 19154 - 200),
            Group("DFDC", SPLITS, 100000),
        ),
    ),
    "dfdc-heldout": Official(
        "counts by users of the 5,000 videos that were given out with labels",
        (Group(REAL, ("test",), 2500), Group("DFDC", ("test",), 2500)),
    ),
    "celeb-df-pp": Official(
        "the authors' description of the test set, and Celeb-DF's of the genuine videos",
        (
            Group(REAL, ("test",), 178),
            Group(REAL, TRAINING, 590 + 300 - 178),
            *(
                Group(method, ("test",), 300 if scenario == "TalkingFace" else 200, optional=True)
                for scenario, methods in celeb_df_pp.SCENARIOS.items()
                for method in methods
            ),
        ),
    ),
    "deeperforensics": Official(
        "the authors' description",
        (
            Group(REAL, SPLITS, 1000),
            *(Group(v, SPLITS, 1000, optional=True) for v in deeperforensics.VARIANTS),
        ),
    ),
    "ffiw": Official(
        "counts by users (dfwb-research/deepfake-workbench)",
        tuple(
            Group(domain, (split,), videos)
            for domain in (REAL, "FFIW")
            for split, videos in (("train", 8000), ("val", 250), ("test", 1738))
        ),
    ),
    "wilddeepfake": Official(
        "counts by users (dfwb-research/deepfake-workbench)",
        (
            Group(REAL, ("test",), 396),
            Group(REAL, TRAINING, 3409),
            Group("WildDeepfake", ("test",), 410),
            Group("WildDeepfake", TRAINING, 3099),
        ),
    ),
    "uadfv": Official(
        "the data set's own description",
        (Group(REAL, ("test",), 49), Group("UADFV", ("test",), 49)),
    ),
}


def official(dataset: str) -> Official | None:
    """Return the official numbers of the data set that records name so; None where unknown."""
    return _faceforensics() if dataset == "faceforensics" else OFFICIAL.get(dataset)


@cache
def _faceforensics() -> Official:
    groups = []
    for split in SPLITS:
        text = (files("ltw.data") / "splits" / f"{split}.json").read_text()
        pairs: list[tuple[str, str]] = json.loads(text)
        films = frozenset(name for pair in pairs for name in pair)
        forgeries = frozenset(f"{a}_{b}" for pair in pairs for a, b in (pair, pair[::-1]))
        groups.append(Group(REAL, (split,), len(films), films))
        groups += [
            Group(method, (split,), len(forgeries), forgeries, method not in PAPER_METHODS)
            for method in (*PAPER_METHODS, "FaceShifter")
        ]
    return Official("the official split lists", tuple(groups))
