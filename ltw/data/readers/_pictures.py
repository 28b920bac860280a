"""Folders of pictures, a video each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from ltw.media.formats import IMAGE_SUFFIXES


def folders_of_pictures(
    home: Path, leave_out: Collection[str] = ()
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folders in ``home`` that hold pictures, with their names, both sorted.

    Hidden folders and files, and folders named in ``leave_out``, are passed over; there is nothing
    to yield where ``home`` is not there.
    """
    for folder, folders, names in os.walk(home, followlinks=True):
        folders[:] = sorted(f for f in folders if f not in leave_out and not f.startswith("."))
        pictures = [name for name in sorted(names) if not name.startswith(".")]
        pictures = [name for name in pictures if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        if pictures:
            yield Path(folder), pictures
