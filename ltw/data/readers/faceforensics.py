"""FaceForensics++, and any corpus in its layout: genuine videos A.mp4 and forgeries A_B.mp4.

A forgery A_B shows the video (and person) A with something of B's. Whatever method folders there
are become domains, FaceShifter among them. A corpus's own ``splits/{train,val,test}.json`` come
before the official ones.

DeepFakeDetection, which comes in the same tree, is films of paid actors A__SCENE.mp4 and forgeries
A_B__SCENE__HASH.mp4 of them. It is a data set of its own, so that its actors never stand in for the
people of FaceForensics++, and has no official split: the field tests on all of it, and so do we.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from ltw.data.readers._common import notify_skipped, require_folder
from ltw.data.readers._truths import read_truths
from ltw.errors import DataError
from ltw.media.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from ltw.media.walk import walk
from ltw.types import REAL, SPLITS, Clip

LAYOUT = """\
  original_sequences/youtube/{raw,c23,c40}/videos/A.mp4
  manipulated_sequences/METHOD/{raw,c23,c40}/videos/A_B.mp4
  manipulated_sequences/METHOD/masks/videos/A_B.mp4       (optional)
  splits/{train,val,test}.json                            (optional; else the official split)
  truths.csv                                              (optional; what `ltw synth` knows of it)
and, where there is DeepFakeDetection,
  original_sequences/actors/{raw,c23,c40}/videos/A__SCENE.mp4
  manipulated_sequences/DeepFakeDetection/{raw,c23,c40}/videos/A_B__SCENE__HASH.mp4"""
MASKS = "masks"
FACEFORENSICS, DEEPFAKEDETECTION = "faceforensics", "deepfakedetection"
VIDEO = re.compile(r"(?P<shown>[^_]+)")
FORGERY = re.compile(r"(?P<shown>[^_]+)_(?P<donor>[^_]+)")
OF_ACTORS = {
    "actors": re.compile(r"(?P<shown>\d+)__(?P<scene>.+)"),
    "DeepFakeDetection": re.compile(r"(?P<shown>\d+)_(?P<donor>\d+)__(?P<scene>.+)__[^_]+"),
}


class Level(NamedTuple):
    """The videos of one sequence at one compression; ``pattern`` is how they are named."""

    domain: str
    compression: str
    videos: list[Path]
    pattern: re.Pattern[str]
    of_actors: bool


def read(
    root: Path, *, dataset: str = FACEFORENSICS, compressions: Collection[str] = ()
) -> list[Clip]:
    """List the clips of a corpus in the FaceForensics++ layout, in the order of their paths.

    DeepFakeDetection's are of data set ``deepfakedetection`` (``<dataset>-deepfakedetection`` for a
    ``dataset`` of another name) and all in the test split. Videos whose A and B are not both in one
    split, and those with other names, are left out and logged.

    Raises:
        DataError: the tree is missing or another, a split list is damaged, or a compression is
            asked for that is not there.
    """
    return read_tree(root, LAYOUT, _videos, dataset, compressions)


def read_tree(
    root: Path,
    layout: str,
    videos: Callable[[Path], list[Path]],
    dataset: str,
    compressions: Collection[str],
) -> list[Clip]:
    """Do what `read` does, in a tree in which ``videos`` lists those of a folder like ``c23``."""
    require_folder(root, layout)
    levels = _levels(root, videos)
    if not levels:
        raise DataError(f"{root}: no videos in this folder; expected\n{layout}")
    unknown = sorted(set(compressions) - {level.compression for level in levels})
    if unknown:
        present = ", ".join(sorted({level.compression for level in levels}))
        raise DataError(f"{root}: no videos at compression {', '.join(unknown)}; it has {present}")
    split_of = splits(root)
    truths = read_truths(root)
    clips, unnamed, unsplit = [], [], []
    for level in levels:
        if compressions and level.compression not in compressions:
            continue
        for path in level.videos:
            name = level.pattern.fullmatch(path.stem)
            split = _split(name, level, split_of) if name else ""
            if name is None:
                unnamed.append(path.relative_to(root))
            elif not split:
                unsplit.append(path.relative_to(root))
            else:
                clip = _clip(path, name, level, dataset, split)
                clips.append(replace(clip, truths=truths.get((clip.domain, path.stem), ())))
    notify_skipped("videos with other names than the layout's", unnamed)
    notify_skipped("videos whose people are in no split, or in two", unsplit)
    if not clips:
        raise DataError(
            f"{root}: none of its videos can be used, neither those in no split ({len(unsplit)}) "
            f"nor those with other names ({len(unnamed)}) than\n{layout}"
        )
    return clips


def _split(name: re.Match[str], level: Level, split_of: dict[str, str]) -> str:
    if level.of_actors:
        return "test"
    found = {split_of.get(video, "") for video in name.groups()}
    return found.pop() if len(found) == 1 else ""


def _clip(path: Path, name: re.Match[str], level: Level, dataset: str, split: str) -> Clip:
    parts = name.groupdict()
    shown, donor = parts["shown"], parts.get("donor", "")
    if level.of_actors:
        own_name = dataset == FACEFORENSICS
        dataset = DEEPFAKEDETECTION if own_name else f"{dataset}-{DEEPFAKEDETECTION}"
    return Clip(
        path=path,
        dataset=dataset,
        domain=level.domain,
        label=int(level.domain != REAL),
        compression=level.compression,
        video=f"{dataset}/{level.domain}/{level.compression}/{path.stem}",
        split=split,
        person=shown,
        source_video=f"{shown}__{parts['scene']}" if level.of_actors else shown,
        donor_person=donor,
        donor_video="" if level.of_actors else donor,  # of an actor, nobody says which film
        mask_path=_mask(path),
    )


def _videos(level: Path) -> list[Path]:
    """Return the videos lying in one folder, whatever their format; a name's suffix is no part."""
    folder = level / "videos"
    found = (path for path in walk(folder).files if path.parent == folder)
    return [path for path in found if path.suffix.lower() not in IMAGE_SUFFIXES]


def _mask(video: Path) -> Path | None:
    """Return the mask video of a forgery, which may be of another format, if it is there."""
    folder = video.parents[2] / MASKS / "videos"
    names = [video.name, *(video.stem + suffix for suffix in sorted(VIDEO_SUFFIXES))]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _levels(root: Path, videos: Callable[[Path], list[Path]]) -> list[Level]:
    """Return every level of every sequence that has videos."""
    levels = []
    for branch in ("original_sequences", "manipulated_sequences"):
        for folder in sorted((root / branch).glob("*/*/")):
            compression, sequence = folder.name, folder.parent.name
            found = [] if compression == MASKS else videos(folder)
            if not found:
                continue
            genuine = branch == "original_sequences"
            pattern = OF_ACTORS.get(sequence, VIDEO if genuine else FORGERY)
            domain = REAL if genuine else sequence
            levels.append(Level(domain, compression, found, pattern, sequence in OF_ACTORS))
    return levels


def official_splits() -> dict[str, str]:
    """Return the split of each of the 1000 videos "000" to "999", by the official lists."""
    return _read_splits(files("ltw.data") / "splits")


def splits(root: Path) -> dict[str, str]:
    """Return the split of every video id: by ``root``'s own lists, else the official ones.

    Raises:
        DataError: a list is missing or damaged, or a video is in two.
    """
    own = root / "splits"
    return _read_splits(own) if own.is_dir() else official_splits()


def _read_splits(source: Traversable) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = source / f"{split}.json"
        if not path.is_file():
            raise DataError(f"{path} is missing; a corpus's own splits are three files")
        try:
            names = list(_names(json.loads(path.read_text())))
        except ValueError as error:
            raise DataError(f"{path}: not a JSON list of pairs of video names ({error})") from None
        for name in names:
            if split_of.setdefault(name, split) != split:
                raise DataError(f"{path}: video {name} is in the {split_of[name]} split as well")
    return split_of


def _names(entries: object) -> Iterator[str]:
    """Flatten a list of names or of pairs of names."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, list):
        for entry in entries:
            yield from _names(entry)
    else:
        raise ValueError(f"found {entries!r}")
