"""Pictures and videos as other programs write them, each made here and known to its last pixel."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

Pixels = np.ndarray


def scene(height: int = 48, width: int = 64) -> Pixels:
    """A picture without symmetry: every turned or mirrored copy of it differs."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[: height // 2, : width // 2] = (200, 60, 60)
    image[height // 2 :, : width // 4] = (60, 200, 60)
    return image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def insert_png(data: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind a PNG file's header."""
    return data[:33] + b"".join(chunks) + data[33:]


def insert_jpeg(data: bytes, exif: bytes) -> bytes:
    """Put an EXIF segment at the beginning of a JPEG file."""
    body = b"Exif\0\0" + exif
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF of (tag, type, count, four bytes) entries, little-endian, right or wrong."""
    rows = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + struct.pack("<I", 0)


def film(
    path: Path,
    frames: Iterable[Pixels] | None = None,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    frame: Callable[[av.VideoFrame], None] = lambda frame: None,
    stream: Callable[[av.VideoStream], None] = lambda stream: None,
    **container: object,
) -> Path:
    """Encode frames, by default four of `scene`; ``stream`` and ``frame`` may mark them."""
    pictures: Sequence[Pixels] = list(frames) if frames is not None else [scene()] * 4
    with av.open(str(path), "w", **container) as out:  # type: ignore[call-overload]
        track = out.add_stream(codec, rate=25, options=options or {})
        track.height, track.width = pictures[0].shape[:2]
        track.pix_fmt = pix_fmt
        stream(track)
        for number, picture in enumerate(pictures):
            drawn = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            drawn.pts, drawn.time_base = number, Fraction(1, 25)
            frame(drawn)
            out.mux(track.encode(drawn))
        out.mux(track.encode())
    return path


def set_matrix(path: Path, a: float, b: float, c: float, d: float) -> None:
    """Give an MP4 file's track the display matrix (a b; c d)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # version 0: five fields of 4 bytes, 8 reserved, four of 2
    whole = [round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)]
    data[at : at + 36] = struct.pack(">9i", *whole, 1 << 30)
    path.write_bytes(data)


def off(image: Pixels, wanted: Pixels) -> float:
    """Mean distance of two pictures of one shape, in grey levels."""
    assert image.shape == wanted.shape
    return float(np.abs(image.astype(int) - wanted.astype(int)).mean())
