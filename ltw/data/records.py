"""Records of a store: the columns of its tables and shards, and the record of a video."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ltw.schema import required

UNKNOWN: Mapping[str, float | str] = {"quality": math.nan, "failure": ""}
"""Columns that came after the first stores, with what they say where nobody knows."""

RECORD = required(
    [
        ("dataset", pa.string()),
        ("domain", pa.string()),
        ("label", pa.int64()),
        ("compression", pa.string()),
        ("video", pa.string()),
        ("split", pa.string()),
        ("person", pa.string()),
        ("source_video", pa.string()),
        ("donor_person", pa.string()),
        ("donor_video", pa.string()),
        ("frame", pa.int64()),
        ("time", pa.float64()),
        ("detection_confidence", pa.float32()),
        ("box", pa.list_(pa.float32(), 4)),
        ("landmarks", pa.list_(pa.float32(), 10)),
        ("crop", pa.list_(pa.float32(), 4)),
        ("has_mask", pa.bool_()),
        ("quality", pa.float32()),
        ("failure", pa.string()),
    ]
)
"""A face, as `ltw.types.Face` has it."""

_ENCODED = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # as Hugging Face has it
_CHECKSUM = pa.field("crc32", pa.uint32(), nullable=False)
_IMAGES = [pa.field("image", _ENCODED), pa.field("mask", _ENCODED)]
_PLACE = list(required([("shard", pa.int64()), ("row", pa.int64())]))

PART = pa.schema([*RECORD, _CHECKSUM, *_IMAGES])
"""A face in a part or a shard: its record, the checksum of its image, image and mask."""
INDEX = pa.schema([*RECORD, *_PLACE, _CHECKSUM])
"""A face in records.parquet: its record, and where its image lies."""


@dataclass(frozen=True)
class VideoRecord:
    """Record of one video, extracted or failed: a row of videos.parquet.

    ``status`` is ``"ok"`` or ``"failed"``; ``reason`` says why it failed, or, for a video that is
    ok, what of it was damaged. ``bytes`` is the file's size, by which another file is told.
    """

    video: str
    dataset: str
    domain: str
    label: int
    compression: str
    split: str
    path: str
    bytes: int
    status: str
    reason: str
    frames_asked: int
    frames_total: int
    frames_decoded: int
    frames_with_face: int


VIDEO = required(
    [
        (name, pa.int64() if kind == "int" else pa.string())
        for name, kind in VideoRecord.__annotations__.items()
    ]
)
