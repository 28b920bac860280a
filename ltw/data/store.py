"""Store: a folder of cropped faces with their records, read by random access.

    records.parquet          one row a face: the fields of `ltw.types.Face`, then shard, row, crc32
    videos.parquet           one row a video attempted: what was found in it, or why it failed
    faces/shard-00000.arrow  Arrow IPC files: the records again, plus image and mask, encoded
    store.json               format version and extraction parameters
    README.md                a data set card: ``datasets.load_dataset(STORE)`` opens the faces
    parts/                   finished videos of an extraction that has not ended (`store_writer`)

pandas opens the tables and Hugging Face `datasets` the faces without this code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ltw.errors import DataError

FORMAT = 1
RECORDS, VIDEOS, PARAMETERS = "records.parquet", "videos.parquet", "store.json"
UNKNOWN: Mapping[str, float | str] = {"quality": math.nan, "failure": ""}
"""Columns that came after the first stores, with what they say where nobody knows."""


@dataclass(frozen=True)
class Parameters:
    """Extraction parameters of a store: frames a video, margin and side of a crop in pixels.

    ``margin`` is None where the faces came cropped: by whom and how wide, the store does not know.
    """

    frames: int = 10
    margin: int | None = 16
    size: int = 224


class Store:
    """Store opened for reading; cheap to pickle and safe to use in forked workers.

    ``records`` and ``videos`` are the two tables; a face's index is its row in ``records``, 0 to
    ``len(store) - 1``. Faces are memory-mapped: only those asked for are read.

    Raises:
        DataError: the folder is no store, its extraction has not ended, or part of it is missing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.parameters = read_parameters(self.path)
        waiting = len(list(part_paths(self.path)))
        if waiting or not (self.path / RECORDS).is_file():
            raise DataError(
                f"{self.path}: extraction into this store has not ended (videos that wait to be "
                f"merged: {waiting}); the same `ltw extract` again, without --shard, does the rest"
            )
        self.records = _read_table(self.path / RECORDS)
        for name, unknown in UNKNOWN.items():
            if name not in self.records:
                self.records[name] = unknown
        self.videos = _read_table(self.path / VIDEOS)
        self._place = self.records[["shard", "row"]].to_numpy(np.int64)
        self._shards: dict[int, pa.RecordBatch] = {}
        for shard in sorted(set(self._place[:, 0].tolist())):
            if not shard_path(self.path, shard).is_file():
                raise DataError(f"{shard_path(self.path, shard)}: this part of the store is gone")

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.records)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}: {len(self)} faces of {len(self.videos)} videos)"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_shards": {}}  # memory maps are opened anew where they are needed

    def image(self, index: int) -> NDArray[np.uint8]:
        """Face ``index`` as uint8 (S, S, 3) RGB.

        Raises:
            DataError: the face does not decode; the message names it.
            IndexError: there is no such face.
        """
        face: NDArray[np.uint8] = self.images([index])[0]
        return face

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Faces ``indices`` as uint8 (K, S, S, 3) RGB; errors as for `image`."""
        size = self.parameters.size
        out = np.empty((len(indices), size, size, 3), np.uint8)
        for k, index in enumerate(indices):
            bgr = self._decode(int(index), "image", cv2.IMREAD_COLOR)
            if bgr is None:
                raise DataError(f"{self._name(int(index))}: the store has no image of this face")
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=out[k])
        return out

    def mask(self, index: int) -> NDArray[np.uint8] | None:
        """Manipulation mask of face ``index``, uint8 (S, S), 255 where forged, or None."""
        return self._decode(index, "mask", cv2.IMREAD_GRAYSCALE)

    def encoded(self, index: int, column: str = "image") -> pa.Buffer | None:
        """Encoded bytes of a face's ``"image"`` or ``"mask"``, not copied; None if it has none."""
        shard, row = (int(v) for v in self._place[index])
        try:
            value = self._shard(shard).column(column)[row]
        except (pa.ArrowException, KeyError, IndexError) as error:
            raise DataError(f"{self._name(index)}: damaged store ({error})") from None
        return value["bytes"].as_buffer() if value.is_valid else None

    def _decode(self, index: int, column: str, flags: int) -> NDArray[np.uint8] | None:
        buffer = self.encoded(index, column)
        if buffer is None:
            return None
        image = cv2.imdecode(np.frombuffer(buffer, np.uint8), flags) if buffer.size else None
        size = self.parameters.size
        if image is None or image.shape[:2] != (size, size):
            raise DataError(f"{self._name(index)}: this face's {column} does not decode")
        return image.astype(np.uint8, copy=False)

    def _shard(self, number: int) -> pa.RecordBatch:
        if number not in self._shards:
            self._shards[number] = open_shard(shard_path(self.path, number))
        return self._shards[number]

    def _name(self, index: int) -> str:
        face = self.records.iloc[index]
        return f"{self.path}: face {index} (video {face['video']}, frame {face['frame']})"


def open_shard(path: Path) -> pa.RecordBatch:
    """Memory-map the one record batch of a shard.

    Raises:
        DataError: the file is missing, cut short, or no Arrow file.
    """
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: damaged part of a store ({error})") from None


def read_parameters(store: Path) -> Parameters:
    """Read the parameters that a store was extracted with.

    Raises:
        DataError: there is no store in this folder, or it is of another format.
    """
    path = store / PARAMETERS
    if not path.is_file():
        raise DataError(
            f"{store}: no store here ({PARAMETERS} is missing); make one: `ltw extract`"
        )
    try:
        fields = json.loads(path.read_text())
        version = fields.pop("format")
        parameters = Parameters(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: damaged ({error})") from None
    if version != FORMAT:
        raise DataError(f"{store}: store format {version}, this version of ltw reads {FORMAT}")
    return parameters


def shard_path(store: Path, number: int) -> Path:
    """Return where shard ``number`` of a store lies."""
    return store / "faces" / f"shard-{number:05d}.arrow"


def part_paths(store: Path) -> Sequence[Path]:
    """Return the finished videos that wait to be merged, sorted."""
    return sorted((store / "parts").glob("*.arrow"))


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path}: this part of the store is gone") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error})") from None
