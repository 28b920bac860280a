"""Readers turn a data set's folder into clips: a file, a function and a dict entry each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from ltw.data.readers import (
    celeb_df,
    celeb_df_pp,
    deeperforensics,
    deepfakebench,
    deepspeak,
    df40,
    dfdc,
    faceforensics,
    fakeavceleb,
    ffiw,
    folder,
    frames,
    kodf,
    uadfv,
    wilddeepfake,
)
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


READERS: dict[str, Reader] = {
    "faceforensics": faceforensics.read,
    "celeb-df": celeb_df.read,
    "dfdc": dfdc.read,
    "celeb-df-pp": celeb_df_pp.read,
    "df40": df40.read,
    "deeperforensics": deeperforensics.read,
    "ffiw": ffiw.read,
    "wilddeepfake": wilddeepfake.read,
    "fakeavceleb": fakeavceleb.read,
    "uadfv": uadfv.read,
    "deepspeak": deepspeak.read,
    "kodf": kodf.read,
    "folder": folder.read,
    "deepfakebench": deepfakebench.read,
    "frames": frames.read,
}
