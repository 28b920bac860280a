"""Readers: a data set's folder as a list of clips; a file, a function and a dict entry each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from ltw.data.readers import celeb_df, deepfakebench, dfdc, faceforensics, folder, frames
from ltw.types import Clip


class Reader(Protocol):
    """The signature of every reader."""

    def __call__(
        self, root: Path, *, dataset: str = ..., compressions: Collection[str] = ...
    ) -> list[Clip]:
        """List the clips under ``root``; what is left out is logged.

        ``dataset`` names the data set in the records, ``compressions`` takes only these levels
        (empty: all that are there).

        Raises:
            DataError: the folder is missing or is not laid out as the reader expects.
        """


READERS: dict[str, Reader] = {
    "faceforensics": faceforensics.read,
    "celeb-df": celeb_df.read,
    "dfdc": dfdc.read,
    "folder": folder.read,
    "deepfakebench": deepfakebench.read,
    "frames": frames.read,
}
