"""Readers: a data set's folder as a list of clips; a file, a function and a name each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

from ltw.media.walk import walk
from ltw.types import Clip


class Reader(Protocol):
    """Signature of every reader."""

    def __call__(
        self, root: Path, *, dataset: str = ..., compressions: Collection[str] = ...
    ) -> list[Clip]:
        """List the clips under ``root``; what is left out is logged.

        ``dataset`` names the data set in the records, ``compressions`` takes only these levels
        (empty: all that are there).

        Raises:
            DataError: the folder is missing or is not laid out as the reader expects.
        """


class _Readers(Mapping[str, Reader]):
    """Readers by name; a file is imported when its reader is asked for, which takes a second."""

    names = (
        "faceforensics",
        "celeb-df",
        "dfdc",
        "celeb-df-pp",
        "df40",
        "deeperforensics",
        "ffiw",
        "wilddeepfake",
        "fakeavceleb",
        "uadfv",
        "deepspeak",
        "kodf",
        "folder",
        "deepfakebench",
        "frames",
    )

    def __getitem__(self, name: str) -> Reader:
        if name not in self.names:
            raise KeyError(name)
        reader: Reader = import_module(f"{__name__}.{name.replace('-', '_')}").read
        return reader

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


READERS: Mapping[str, Reader] = _Readers()

BESIDE = {".json", ".csv", ".txt", ".npy", ".md", ".xlsx"}
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
