"""Input files: from what a user writes (files, folders, globs) to the files that are meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ltw.errors import DataError
from ltw.media.formats import list_formats
from ltw.media.walk import walk


@dataclass
class Inputs:
    """The files meant, each once.

    Attributes:
        files: as they were given, or below the folder as it was given.
        left_out: what else was seen in folders, and why it is not read.
        notes: what was not looked at, by folder: hidden files, and folders that are there twice.
    """

    files: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def list_files(inputs: Iterable[str]) -> Inputs:
    """List the files meant, and what was left out with the reason.

    A file is taken whatever its name. Of a folder all images and videos at any depth are, sorted by
    path (`ltw.media.walk`); hidden files and folders are not. ``*``, ``?``, ``[...]`` and ``**``
    are matched here where the shell has not done so; a name that exists is never taken for a
    pattern.

    Raises:
        DataError: one does not exist, matches nothing, or is a folder without images and videos.
    """
    files: dict[str, None] = {}
    found = Inputs()
    for given in inputs:
        for path in _matches(given):
            if Path(path).is_dir():
                files |= dict.fromkeys(_folder(path, found))
            else:
                files[path] = None
    found.files = list(files)
    return found


def _folder(path: str, found: Inputs) -> list[str]:
    there = walk(Path(path))
    if not there.files:
        raise DataError(
            f"{path}: no image and no video in this folder; what is read are {list_formats()}"
            + "".join(f"\n  {other}: {reason}" for other, reason in there.left_out.items())
        )
    found.left_out |= {str(other): reason for other, reason in there.left_out.items()}
    if there.hidden:
        found.notes[path] = f"{there.hidden} hidden files or folders, which are not looked at"
    found.notes |= {
        str(again): f"the same folder as {first}, which is looked at once"
        for again, first in there.repeated.items()
    }
    return [str(file) for file in there.files]


def _matches(given: str) -> list[str]:
    if os.path.lexists(given):
        return [given]
    if not glob.has_magic(given):
        raise DataError(f"{given}: no such file or folder")
    matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - Path has no absolute patterns
    if not matches:
        raise DataError(f"{given}: nothing matches this pattern")
    return matches
