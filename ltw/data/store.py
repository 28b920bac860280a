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

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from ltw.data.records import INDEX, PART, UNKNOWN, VIDEO
from ltw.errors import DataError
from ltw.schema import JSONFile, read_table, wrong_columns
from ltw.types import SPLITS

FORMAT = 1
RECORDS, VIDEOS, PARAMETERS = "records.parquet", "videos.parquet", "store.json"
MAX_SIZE = 4096
"""Side of a crop at most, in pixels: a batch of larger ones would fill the memory."""
MAX_FRAMES = 1_000_000
"""Frames of a video at most."""
_RESTORE = "restore it from a copy, or extract into another folder"


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
        DataError: the folder is no store, its extraction has not ended, or part of it is missing
            or not what it should be.
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
        self.records = read_records(self.path)
        self.videos = read_table(self.path / VIDEOS, VIDEO, _RESTORE).to_pandas()
        self._place = self.records[["shard", "row"]].to_numpy(np.int64)
        self._checksums = self.records["crc32"].to_numpy(np.uint32)
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
            DataError: the face does not decode, or its bytes are not those that were written; the
                message names it.
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
            return value["bytes"].as_buffer() if value.is_valid else None
        except (pa.ArrowException, KeyError, IndexError, TypeError) as error:
            raise DataError(f"{self._name(index)}: damaged store ({error})") from None

    def _decode(self, index: int, column: str, flags: int) -> NDArray[np.uint8] | None:
        buffer = self.encoded(index, column)
        if buffer is None:
            return None
        image = cv2.imdecode(np.frombuffer(buffer, np.uint8), flags) if buffer.size else None
        size = self.parameters.size
        if image is None or image.shape[:2] != (size, size):
            raise DataError(f"{self._name(index)}: this face's {column} does not decode")
        if column == "image" and crc32(buffer) != self._checksums[index]:
            raise DataError(
                f"{self._name(index)}: other bytes than were written; list all such faces: "
                "ltw store check"
            )
        return image.astype(np.uint8, copy=False)

    def _shard(self, number: int) -> pa.RecordBatch:
        if number not in self._shards:
            self._shards[number] = open_shard(shard_path(self.path, number))
        return self._shards[number]

    def _name(self, index: int) -> str:
        face = self.records.iloc[index]
        return f"{self.path}: face {index} (video {face['video']}, frame {face['frame']})"


def open_shard(path: Path) -> pa.RecordBatch:
    """Memory-map the one record batch of a shard, checked so that no damage can crash a reader.

    Offsets, lengths and texts are checked, images are not read: 0.05 ms for 64 MiB.

    Raises:
        DataError: the file is missing, cut short, no Arrow file, or not of faces.
    """
    try:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
        if file.num_record_batches != 1:
            raise ValueError(f"{file.num_record_batches} record batches, there must be one")
        batch = file.get_batch(0)
        batch.validate(full=True)
        if reason := wrong_columns(batch, PART, UNKNOWN):
            raise ValueError(reason)
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise DataError(f"{path}: damaged part of a store ({error}); {_RESTORE}") from None
    return batch


def read_records(store: Path) -> pd.DataFrame:
    """Read records.parquet, with every column of `INDEX`.

    Raises:
        DataError: it is missing, damaged, or holds values that no record has.
    """
    path = store / RECORDS
    records: pd.DataFrame = read_table(path, INDEX, _RESTORE, optional=UNKNOWN).to_pandas()
    for name, unknown in UNKNOWN.items():
        if name not in records:
            records[name] = unknown
    sound = {
        "label": records["label"].isin((0, 1, -1)),  # -1: nobody said
        "split": records["split"].isin(SPLITS),
        "shard": records["shard"].between(0, len(records)),
        "row": records["row"].between(0, len(records)),
    }
    for name, good in sound.items():
        if not good.all():
            row = int(np.argmin(good))
            value = records[name].tolist()[row]
            raise DataError(f"{path}: damaged (face {row} has {name} = {value!r}); {_RESTORE}")
    return records


class _Format(JSONFile):
    """What every version of store.json says."""

    format: int


class _Parameters(JSONFile):
    """store.json."""

    frames: int = Field(ge=1, le=MAX_FRAMES)
    margin: int | None = Field(ge=0, lt=MAX_SIZE)
    size: int = Field(ge=1, le=MAX_SIZE)


def read_parameters(store: Path) -> Parameters:
    """Read the parameters that a store was extracted with.

    Raises:
        DataError: there is no store in this folder, it is of another format, or a value is not
            what an extraction may have.
    """
    path = store / PARAMETERS
    if not path.is_file():
        raise DataError(
            f"{store}: no store here ({PARAMETERS} is missing); make one: `ltw extract`"
        )
    version = _Format.read(path, _RESTORE).format
    if version != FORMAT:
        raise DataError(f"{store}: store format {version}, this version of ltw reads {FORMAT}")
    return Parameters(**_Parameters.read(path, _RESTORE).model_dump())


def shard_path(store: Path, number: int) -> Path:
    """Return where shard ``number`` of a store lies."""
    return store / "faces" / f"shard-{number:05d}.arrow"


def part_paths(store: Path) -> Sequence[Path]:
    """Return the finished videos that wait to be merged, sorted."""
    return sorted((store / "parts").glob("*.arrow"))
