"""Store writer: one atomic part file a video, merged into shards when the extraction ends.

A kill at any moment leaves a store that is either complete or can be continued: parts are the truth
until shards and both tables that list them are in place, and are removed last. Merging again gives
the same files, so `finalize` may be cut off and repeated. Parts that others write while it merges
stay for the next time. All shards of a store have the columns of its first, since `datasets` reads
no others side by side; a column that came later is in the table of records alone.

Crops are lossless: a second JPEG would write its own traces over the forgery's. Lossless WebP at
method 0 measured best on 55 crops of 224 px from portraits and MPEG-1 video (one core, a crop):
55 KiB, 1.6 ms to encode, 0.76 ms to decode; PNG, its best for reading (level 1, filter "up", RLE):
73 KiB, 1.8 ms, 0.81 ms; PNG, its smallest at level 1 (Paeth): 65 KiB, 2.2 ms, 1.24 ms; WebP at
full effort: 47 KiB, but 37 ms to encode. Masks are flat and one channel: PNG.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from ltw.data.records import INDEX, PART, RECORD, UNKNOWN, VIDEO, VideoRecord
from ltw.data.store import (
    FORMAT,
    PARAMETERS,
    RECORDS,
    VIDEOS,
    Parameters,
    open_shard,
    part_paths,
    read_parameters,
    shard_path,
)
from ltw.errors import DataError
from ltw.files import atomic, write_text
from ltw.schema import explain, read_table, write_table
from ltw.types import Face

__all__ = ["Part", "VideoRecord", "attempted", "begin", "finalize", "part_path", "write_part"]

SHARD_BYTES = 64 * 2**20
STALE_SECONDS = 3600
"""A half-written file of this age belongs to nobody any more."""

_VIDEO_RECORD = TypeAdapter(VideoRecord)
_FEATURES = {"info": {"features": {"image": {"_type": "Image"}, "mask": {"_type": "Image"}}}}
_SHARD = PART.with_metadata({"huggingface": json.dumps(_FEATURES)})

_CARD = """---
pretty_name: Faces extracted by ltw
configs:
- config_name: default
  data_files: faces/*.arrow
---
One row a face: `image` (and `mask`, where the forgery's is known) with its record.
`label` is 0 for genuine and 1 for forged faces; `split` says what each face may be used for.
"""


@dataclass(frozen=True)
class Part:
    """Part of a store, of one video: its row, and its faces as (record, crop, mask).

    A crop is uint8 (S, S, 3) RGB, a mask uint8 (S, S) or None.
    """

    video: VideoRecord
    faces: Sequence[tuple[Face, NDArray[np.uint8], NDArray[np.uint8] | None]] = ()


def begin(store: Path, parameters: Parameters) -> None:
    """Make the folder, or check that the store in it has the same parameters.

    Raises:
        DataError: the parameters differ, or the folder holds something else than a store.
    """
    if (store / PARAMETERS).is_file():
        present = read_parameters(store)
        if (present.margin is None) != (parameters.margin is None):
            kinds = "faces that came cropped", "faces cut from videos"
            has, asked = kinds if present.margin is None else kinds[::-1]
            raise DataError(
                f"{store}: this store holds {has}, now asked to take {asked}; a model would see "
                "two kinds of crops as one: use another --store"
            )
        if present != parameters:
            raise DataError(
                f"{store}: this store was extracted with {present}, now asked for {parameters}; "
                "use the same values or another folder"
            )
    elif store.exists() and (not store.is_dir() or _visible(store)):
        raise DataError(f"{store}: neither a store nor an empty folder; choose another --store")
    else:
        text = json.dumps({"format": FORMAT, **asdict(parameters)}, indent=1) + "\n"
        write_text(store / PARAMETERS, text)
    (store / "parts").mkdir(exist_ok=True)


def part_path(store: Path, video: str) -> Path:
    """Return where the part of ``video`` lies while an extraction runs."""
    digest = blake2b(video.encode(), digest_size=8).hexdigest()
    return store / "parts" / f"{re.sub('[^A-Za-z0-9._-]+', '_', video)[-100:]}-{digest}.arrow"


def write_part(store: Path, part: Part) -> None:
    """Write the outcome of one video, whole or not at all."""
    rows = []
    for face, crop, mask in part.faces:
        image = _encode(crop, "WEBP", lossless=True, method=0)
        flat = None if mask is None else _encode(mask, "PNG", compress_level=1)
        rows.append(
            asdict(face)
            | {"crc32": crc32(image), "image": {"bytes": image, "path": None}}
            | {"mask": None if flat is None else {"bytes": flat, "path": None}}
        )
    schema = PART.with_metadata({"video": json.dumps(asdict(part.video))})
    path = part_path(store, part.video.video)
    _write_batch(path, pa.Table.from_pylist(rows, schema))


def attempted(store: Path) -> dict[str, VideoRecord]:
    """Return every video that the store knows of, finished or failed, merged or waiting."""
    waiting = {record.video: record for record, _ in _parts(store)}  # first: they may be merged now
    return {record.video: record for record in _merged_videos(store)} | waiting


def finalize(store: Path) -> None:
    """Merge the waiting parts, by the order of their videos' names, behind what the store has."""
    parts = _parts(store)
    old = _read_index(store)
    merged = set(old["video"].to_pylist())
    first = 1 + max(old["shard"].to_pylist(), default=-1)
    for stray in (store / "faces").glob("*"):  # of a merge that was cut off
        if stray not in {shard_path(store, n) for n in range(first)}:
            stray.unlink()
    (store / "faces").mkdir(exist_ok=True)
    index = [old]
    fresh = [path for record, path in parts if record.video not in merged]
    for number, group in enumerate(_groups(fresh), start=first):
        tables = [pa.Table.from_batches([open_shard(path)]) for path in group]
        faces = pa.concat_tables(
            [_with_unknowns(table).select(PART.names).cast(PART) for table in tables]
        )
        kept = _SHARD if number == 0 else open_shard(shard_path(store, 0)).schema
        _write_batch(shard_path(store, number), faces.select(kept.names).cast(kept))
        places = [
            pa.array([number] * len(faces), pa.int64()),
            pa.array(range(len(faces)), pa.int64()),
        ]
        faces = faces.append_column("shard", places[0]).append_column("row", places[1])
        index.append(faces.select(INDEX.names).cast(INDEX))
    videos = {r.video: r for r in _merged_videos(store)} | {r.video: r for r, _ in parts}
    rows = [asdict(videos[name]) for name in sorted(videos)]
    _write_parquet(store / VIDEOS, pa.Table.from_pylist(rows, VIDEO))
    _write_parquet(store / RECORDS, pa.concat_tables(index).combine_chunks())
    (store / "README.md").write_text(_CARD)
    for record, path in _parts(store):
        if videos.get(record.video) == record:  # shards may have written others meanwhile
            path.unlink()
    for left_over in (*store.glob(".*.part"), *(store / "parts").glob(".*.part")):
        if time.time() - left_over.stat().st_mtime > STALE_SECONDS:
            left_over.unlink(missing_ok=True)
    with suppress(OSError):  # shards keep their locks in it, and perhaps new parts
        (store / "parts").rmdir()


def _encode(image: NDArray[np.uint8], kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def _groups(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Split parts into runs of about `SHARD_BYTES`, empty ones (failed videos) left out."""
    group: list[Path] = []
    size = 0
    for path in paths:
        if open_shard(path).num_rows == 0:
            continue
        if group and size + path.stat().st_size > SHARD_BYTES:
            yield group
            group, size = [], 0
        group.append(path)
        size += path.stat().st_size
    if group:
        yield group


def _parts(store: Path) -> list[tuple[VideoRecord, Path]]:
    """Read what the waiting parts say of their videos, in the order of the videos' names."""
    found = []
    for path in part_paths(store):
        try:
            record = _video_of(path)
        except DataError:
            if path.exists():
                raise
            continue  # another job merged it at this moment
        found.append((record, path))
    return sorted(found, key=lambda part: part[0].video)


def _video_of(part: Path) -> VideoRecord:
    """Return the video that a part is of."""
    fix = "delete this file: its video is then extracted again"
    try:
        text = (open_shard(part).schema.metadata or {}).get(b"video", b"")
        return _VIDEO_RECORD.validate_json(text)
    except DataError as error:
        raise DataError(f"{error}; or {fix}") from None
    except ValidationError as error:
        raise DataError(f"{part}: damaged (record of its video: {explain(error)}); {fix}") from None


def _merged_videos(store: Path) -> list[VideoRecord]:
    path = store / VIDEOS
    if not path.is_file():
        return []
    return [VideoRecord(**row) for row in _table(path, VIDEO).select(VIDEO.names).to_pylist()]


def _read_index(store: Path) -> pa.Table:
    path = store / RECORDS
    if not path.is_file():
        return INDEX.empty_table()
    return _with_unknowns(_table(path, INDEX)).select(INDEX.names).cast(INDEX)


def _table(path: Path, schema: pa.Schema) -> pa.Table:
    fix = "restore it from a copy, or extract into another --store"
    return read_table(path, schema, fix, optional=UNKNOWN)


def _with_unknowns(table: pa.Table) -> pa.Table:
    """Add the columns that a store made before they came does not have."""
    for name, unknown in UNKNOWN.items():
        if name not in table.column_names:
            column = pa.array([unknown] * len(table), RECORD.field(name).type)
            table = table.append_column(name, column)
    return table


def _write_batch(path: Path, table: pa.Table) -> None:
    """Write a table as one record batch, so that a row number is all a reader needs."""
    batches = table.combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=table.schema)
    ]
    with atomic(path) as part, pa.ipc.new_file(part, table.schema) as writer:
        writer.write_batch(batches[0])


def _write_parquet(path: Path, table: pa.Table) -> None:
    with atomic(path) as part:
        write_table(part, table)


def _visible(folder: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in folder.iterdir())
