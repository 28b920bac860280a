"""Celeb-DF++: Celeb-DF's films, and forgeries of them by 22 methods in three scenarios.

A face swap or reenactment idX_idY_NNNN is the film idX_NNNN with the face or the motion of person
idY; a talking face idX_NNNN_... is that film made to speak. Every method is a domain. The test set
is the data set's own ``List_of_testing_videos.txt``; people of the rest are wholly in train or in
val, by the same hash as in `celeb_df`. As there, the official test list does not keep people apart.

The folders and the list are as the authors' repository has them (OUC-VAS/Celeb-DF-PP); the names of
the forgeries as public code reads them (dfwb-research/deepfake-workbench). Whether 1 means real in
the list, as in Celeb-DF's, is not confirmed: a video's folder says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ltw.data.readers import celeb_df
from ltw.data.readers._clip import clip
from ltw.data.readers._common import (
    notify_skipped,
    refuse_levels,
    require_folder,
    require_parts,
    shared_split,
    visible_files,
)
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET = "celeb-df-pp"
TEST_LIST = celeb_df.TEST_LIST
FORGED = "Celeb-synthesis"
LAYOUT = f"""\
  Celeb-real/idX_NNNN.mp4                              films of celebrities
  YouTube-real/NNNNN.mp4                               films of other people
  {FORGED}/FaceSwap/METHOD/idX_idY_NNNN.mp4     the film idX_NNNN with the face of idY
  {FORGED}/FaceReenact/METHOD/idX_idY_NNNN.mp4  ... with the motion of idY
  {FORGED}/TalkingFace/METHOD/idX_NNNN_....mp4  ... made to speak
  {TEST_LIST}                           e.g. "0 {FORGED}/FaceSwap/GHOST/..."
where methods may be left out"""
SCENARIOS = {
    "FaceSwap": (
        *("Celeb-DF", "BlendFace", "GHOST", "HifiFace", "InSwapper", "MobileFaceSwap"),
        *("SimSwap", "UniFace"),
    ),
    "FaceReenact": ("DaGAN", "FSRT", "HyperReenact", "LIA", "LivePortrait", "MCNET", "TPSMM"),
    "TalkingFace": (
        *("AniTalker", "EchoMimic", "EDTalk", "FLOAT", "IP_LAP", "Real3DPortrait", "SadTalker"),
    ),
}
METHODS = [method for methods in SCENARIOS.values() for method in methods]
DOMAINS = {
    "Celeb-real": REAL,
    "YouTube-real": REAL,
    f"{FORGED}/FaceSwap/Celeb-DF-v2": "Celeb-DF",  # so in the authors' code, not in their tree
    **{f"{FORGED}/{scenario}/{m}": m for scenario, methods in SCENARIOS.items() for m in methods},
}
FORGERY = re.compile(r"(?P<person>id\d+)_((?P<donor>id\d+)_)?(?P<take>\d+)(_.+)?\.mp4")


class Video(NamedTuple):
    """A video by its name: the folder it is in, its domain and who is in it."""

    folder: str
    domain: str
    people: re.Match[str]


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of Celeb-DF++ in the order of their paths.

    Test videos that are listed but not there are clips all the same, so that extraction records
    them as failed, unless their whole method is not there. Left out and logged are
    such methods, forgeries of the training part that join a person of train with one of val, and
    files with other names.

    Raises:
        DataError: the folder, the list or a part of it is missing, there is no forgery, the list is
            damaged, or compressions are asked for (Celeb-DF++ has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    require_parts(root, _parts(), TEST_LIST, LAYOUT)
    files = [
        path.relative_to(root).as_posix() for f in _parts() for path in visible_files(root / f)
    ]
    videos = {name: video for name in files if (video := _video(name))}
    present = {video.domain for video in videos.values()}
    if not present - {REAL}:
        raise DataError(f"{root}: no forgery in {FORGED}; expected\n{LAYOUT}")
    listed = _testing_videos(root / TEST_LIST)
    testing = {name: video for name, video in listed.items() if video.domain in present}
    clips: list[Clip] = []
    mixed: list[str] = []
    for name, video in sorted((videos | testing).items()):
        split = "test" if name in testing else shared_split(*_people(video))
        if split:
            clips.append(_clip(root / name, video, dataset, split))
        else:
            mixed.append(name)
    notify_skipped("methods that are not there", [m for m in METHODS if m not in present])
    notify_skipped("files with other names", [name for name in files if name not in videos])
    notify_skipped("forgeries that join a person of train with one of val", mixed)
    return clips


def _clip(path: Path, video: Video, dataset: str, split: str) -> Clip:
    person, donor = _people(video)
    take = video.people.groupdict().get("take", "")
    source = path.stem if video.domain == REAL else f"{person}_{take}"
    return clip(
        path, dataset, video.domain, path.stem, split, person=person, source=source, donor=donor
    )


def _people(video: Video) -> tuple[str, str]:
    """Return who is shown and the donor, "" where there is none."""
    people = video.people.groupdict()
    return people["person"], people.get("donor") or ""


def _video(name: str) -> Video | None:
    folder, _, file = name.rpartition("/")
    pattern = FORGERY if folder.startswith(FORGED) else celeb_df.NAMES.get(folder)
    match = pattern.fullmatch(file) if pattern and folder in DOMAINS else None
    return Video(folder, DOMAINS[folder], match) if match else None


def _parts() -> list[str]:
    return list(dict.fromkeys(folder.partition("/")[0] for folder in DOMAINS))


def _testing_videos(path: Path) -> dict[str, Video]:
    testing = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        label, _, name = " ".join(line.split()).partition(" ")
        video = _video(name)
        if label not in {"0", "1"} or video is None:
            raise DataError(
                f"{path}, line {number}: {line.strip()!r} is not a label and a video, as in "
                f"'0 {FORGED}/FaceSwap/GHOST/id0_id1_0000.mp4'; the file is damaged: unpack it "
                "again"
            )
        testing[name] = video
    if not testing:
        raise DataError(f"{path}: names no video; unpack it again")
    return testing
