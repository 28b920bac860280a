"""Input files: from what a user writes (files, folders, globs) to the files that are meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ltw.errors import DataError
from ltw.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES


def list_files(inputs: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return the files meant, each once, and what was left out with the reason.

    A file is taken whatever its name. Of a folder all images and videos at any depth are, sorted by
    path; hidden ones are not. ``*``, ``?``, ``[...]`` and ``**`` are matched here where the shell
    has not done so; a name that exists is never taken for a pattern.

    Raises:
        DataError: one does not exist, matches nothing, or is a folder without images and videos.
    """
    files: dict[str, None] = {}
    left_out: dict[str, str] = {}
    for given in inputs:
        for path in _matches(given):
            if not Path(path).is_dir():
                files[path] = None
                continue
            found, others = _walk(path)
            if not found:
                raise DataError(f"{path}: no image and no video in this folder ({_suffixes()})")
            files |= dict.fromkeys(found)
            if others:
                left_out[path] = f"{others} are neither images nor videos ({_suffixes()})"
    return list(files), left_out


def printable(path: str) -> str:
    """Return a path with � for the bytes in it that are not UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _matches(given: str) -> list[str]:
    if os.path.lexists(given):
        return [given]
    if not glob.has_magic(given):
        raise DataError(f"{given}: no such file or folder")
    matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - Path has no absolute patterns
    if not matches:
        raise DataError(f"{given}: nothing matches this pattern")
    return matches


def _walk(folder: str) -> tuple[list[str], int]:
    """Return a folder's images and videos, and how many other files there are."""
    paths = [
        str(Path(place, name))
        for place, folders, names in os.walk(folder)
        for name in names
        if not name.startswith(".")
    ]
    known = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    found = sorted(path for path in paths if Path(path).suffix.lower() in known)
    return found, len(paths) - len(found)


def _suffixes() -> str:
    return " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
