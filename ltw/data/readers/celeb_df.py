"""Celeb-DF, version 1 or 2: films of celebrities, and face swaps idX_idY_NNNN made from them.

A forgery idX_idY_NNNN is the film idX_NNNN with the face of person idY on it. The test set is the
data set's own ``List_of_testing_videos.txt``, in which label 1 means REAL; everything else is for
training. People of the training part are wholly in train or in val, by a hash of their name. The
official test list does not keep people apart: version 2's shares people, and the films that 234 of
its 340 forgeries were made from, with the training part. A detector trained on Celeb-DF is
therefore not tested on strangers by it, and `ltw store check` says so; one trained elsewhere is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ltw.data.readers._common import (
    notify_skipped,
    refuse_levels,
    require_folder,
    require_parts,
    shared_split,
    visible_files,
)
from ltw.errors import DataError
from ltw.media.formats import VIDEO_SUFFIXES
from ltw.types import ONE_LEVEL, REAL, Clip

TEST_LIST = "List_of_testing_videos.txt"
LAYOUT = f"""\
  Celeb-real/idX_NNNN.mp4             films of celebrities
  YouTube-real/NNNNN.mp4              films of other people
  Celeb-synthesis/idX_idY_NNNN.mp4    the film idX_NNNN with the face of idY
  {TEST_LIST}          e.g. "1 Celeb-real/id0_0001.mp4"; 1: real, 0: forged"""
DOMAIN = "Celeb-DF"
_VIDEO = rf"\.(?i:{'|'.join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))})"
NAMES = {
    "Celeb-real": re.compile(r"(?P<person>id\d+)_(?P<take>\d+)" + _VIDEO),
    "YouTube-real": re.compile(r"(?P<person>\d+)" + _VIDEO),
    "Celeb-synthesis": re.compile(r"(?P<person>id\d+)_(?P<donor>id\d+)_(?P<take>\d+)" + _VIDEO),
}
LIST_LABELS = {"Celeb-real": "1", "YouTube-real": "1", "Celeb-synthesis": "0"}
V2_TESTING_VIDEOS = 518
V1_FORGERIES = 795


def read(root: Path, *, dataset: str = "", compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of Celeb-DF in the order of their paths.

    ``dataset`` is ``celeb-df-v2`` where the test list has that version's 518 videos, else
    ``celeb-df-v1``. Test videos that are listed but not there are clips all the same, so that
    extraction records them as failed. Left out, and logged, are forgeries of the
    training part that join a person of train with one of val, and files with other names.

    Raises:
        DataError: the folder or a part of it is missing, holds no videos, the test list is damaged,
            or compressions are asked for (Celeb-DF has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    require_parts(root, NAMES, TEST_LIST, LAYOUT)
    testing = _testing_videos(root / TEST_LIST)
    files = [path.relative_to(root).as_posix() for f in NAMES for path in visible_files(root / f)]
    videos = {name: match for name in files if (match := _match(name))}
    other_format = {name.rpartition(".")[0]: name for name in videos}
    testing = {other_format.get(n.rpartition(".")[0], n): match for n, match in testing.items()}
    if not videos:
        raise DataError(f"{root}: no videos in {', '.join(NAMES)}; expected\n{LAYOUT}")
    dataset = dataset or _version(root, testing, videos)
    clips: list[Clip] = []
    mixed: list[str] = []
    for name, match in sorted((videos | testing).items()):
        split = "test" if name in testing else _training_split(match)
        if split:
            clips.append(_clip(root / name, match, dataset, split))
        else:
            mixed.append(name)
    notify_skipped("files with other names", [name for name in files if name not in videos])
    notify_skipped("forgeries that join a person of train with one of val", mixed)
    return clips


def _clip(path: Path, name: re.Match[str], dataset: str, split: str) -> Clip:
    people = name.groupdict()
    person, donor = people["person"], people.get("donor", "")
    domain = DOMAIN if donor else REAL
    return Clip(
        path=path,
        dataset=dataset,
        domain=domain,
        label=int(domain != REAL),
        compression=ONE_LEVEL,
        video=f"{dataset}/{domain}/{ONE_LEVEL}/{path.stem}",
        split=split,
        person=person,
        source_video=f"{person}_{people['take']}" if donor else path.stem,
        donor_person=donor,
    )


def _training_split(name: re.Match[str]) -> str:
    people = name.groupdict()
    return shared_split(people["person"], people.get("donor", ""))


def _match(name: str) -> re.Match[str] | None:
    folder, _, file = name.partition("/")
    return NAMES[folder].fullmatch(file) if folder in NAMES else None


def _testing_videos(path: Path) -> dict[str, re.Match[str]]:
    """Return the videos of the test list, each checked against the label of its folder."""
    testing = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        label, _, name = " ".join(line.split()).partition(" ")
        match = _match(name)
        if match is None:
            raise DataError(
                f"{path}, line {number}: {line.strip()!r} is not a label and a video, as in "
                "'1 Celeb-real/id0_0001.mp4'; the file is damaged: unpack it again"
            )
        if label != LIST_LABELS[name.partition("/")[0]]:
            raise DataError(
                f"{path}, line {number}: label {label} for {name}; in this list 1 means real and "
                "0 forged; unpack the file again"
            )
        testing[name] = match
    if not testing:
        raise DataError(f"{path}: names no video; unpack it again")
    return testing


def _version(root: Path, testing: Collection[str], videos: Collection[str]) -> str:
    if len(testing) == V2_TESTING_VIDEOS:
        return "celeb-df-v2"
    forgeries = sum(name.startswith("Celeb-synthesis/") for name in videos)
    if forgeries > V1_FORGERIES:
        raise DataError(
            f"{root / TEST_LIST}: names {len(testing)} videos, version 2's names "
            f"{V2_TESTING_VIDEOS}, and {forgeries} forgeries are more than version 1 has; the list "
            "is damaged: unpack it again, or name a data set of your own with --name"
        )
    return "celeb-df-v1"
