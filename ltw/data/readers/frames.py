"""Faces that are cropped already, a folder of pictures a video, in the layout of FaceForensics++.

What the original code of LTW expects: ``.../c23/mtcnn/000_003/000_003_0000.png``, with any other
name in place of ``mtcnn``. Sequences, videos, people and splits are those of `faceforensics`.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ltw.data.precropped import numbered
from ltw.data.readers import faceforensics
from ltw.data.readers._common import notify_skipped
from ltw.errors import DataError
from ltw.media.formats import IMAGE_SUFFIXES
from ltw.media.walk import walk
from ltw.types import REAL, Clip

LAYOUT = """\
  original_sequences/youtube/{raw,c23,c40}/CROPS/A/..._0000.png
  manipulated_sequences/METHOD/{raw,c23,c40}/CROPS/A_B/..._0000.png
  .../{raw,c23,c40}/masks/A_B/..._0000.png                (optional)
  .../{raw,c23,c40}/landmarks/A_B/..._0000.npy            (optional; dlib's 68 or 81 points)
  splits/{train,val,test}.json                            (optional; else the official split)
where CROPS is mtcnn, frames or any other name"""
BESIDE = ("masks", "landmarks", "videos")


def read(
    root: Path, *, dataset: str = faceforensics.FACEFORENSICS, compressions: Collection[str] = ()
) -> list[Clip]:
    """List the videos whose cropped faces lie in folders, in the order of their paths.

    Folders that `faceforensics.read` would leave out as videos, folders without pictures, and
    pictures without a number of their own are left out, which is logged.

    Raises:
        DataError: as for `faceforensics.read`, or a level has two folders of crops.
    """
    clips, empty, unnumbered = [], [], []
    for clip in faceforensics.read_tree(root, LAYOUT, _videos, dataset, compressions):
        there = [p for p in walk(clip.path).files if p.parent == clip.path]
        names = {p.name for p in there if p.suffix.lower() in IMAGE_SUFFIXES}
        frames = tuple(numbered(names).values())
        unnumbered += sorted(clip.path.relative_to(root) / name for name in names - {*frames})
        if not frames:
            empty.append(clip.path.relative_to(root))
            continue
        masks = None if clip.domain == REAL else beside(clip.path, "masks")
        landmarks = beside(clip.path, "landmarks")
        clips.append(replace(clip, frames=frames, mask_path=masks, landmarks_path=landmarks))
    notify_skipped("pictures without a number of their own", unnumbered)
    notify_skipped("folders without numbered pictures", empty)
    if not clips:
        raise DataError(f"{root}: no pictures in its {len(empty)} folders; expected\n{LAYOUT}")
    return clips


def beside(folder: Path, what: str) -> Path | None:
    """Return the folder of a video's masks or landmarks, beside that of all crops, if there."""
    path = folder.parents[1] / what / folder.name
    return path if path.is_dir() else None


def _videos(level: Path) -> list[Path]:
    """Return the folders of crops, one a video, of one sequence at one compression."""
    crops = [folder for folder in _folders(level) if folder.name not in BESIDE and _folders(folder)]
    if len(crops) > 1:
        names = " and ".join(folder.name for folder in crops)
        raise DataError(
            f"{level}: crops in {names}; it is not known which are meant: move the others away"
        )
    return _folders(crops[0]) if crops else []


def _folders(path: Path) -> list[Path]:
    if not os.access(path, os.R_OK | os.X_OK):
        return []  # the command tells of it (`ltw.data.readers.unread`)
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
