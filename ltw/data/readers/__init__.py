"""Readers turn a data set's folder into clips: a file, a function and a dict entry each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from ltw.data.readers import celeb_df, deepfakebench, dfdc, faceforensics, folder, frames
from ltw.media.walk import walk
from ltw.types import Clip


class Reader(Protocol):
    """The signature of every reader."""

    def __call__(
        self, root: Path, *, dataset: str = ..., compressions: Collection[str] = ...
    ) -> list[Clip]:
        """List the clips under ``root``; what is left out is told on standard error.

        ``dataset`` names the data set in the records, ``compressions`` takes only these levels
        (empty: all that are there).

        Raises:
            DataError: the folder is missing or is not laid out as the reader expects.
        """


BESIDE = {".json", ".csv", ".txt", ".npy", ".md"}
"""Suffixes of what lies beside the videos and is no video: lists, landmarks, descriptions."""


def unread(root: Path) -> dict[str, str]:
    """Return what lies under ``root`` and cannot be read, with the reason.

    These are folders that nobody can look into, links to nothing, and files of unknown formats, but
    for those `BESIDE` the videos.
    """
    if not root.is_dir():
        return {}  # a list: what it names is looked for by its reader
    left_out = walk(root).left_out.items()
    return {str(path): reason for path, reason in left_out if path.suffix.lower() not in BESIDE}


READERS: dict[str, Reader] = {
    "faceforensics": faceforensics.read,
    "celeb-df": celeb_df.read,
    "dfdc": dfdc.read,
    "folder": folder.read,
    "deepfakebench": deepfakebench.read,
    "frames": frames.read,
}
