"""The formats of pictures and videos that are read: by a file's name, and by its first bytes.

Decoders see nothing that is not on this list. Pillow and FFmpeg read far more, playlists that name
other files and PostScript among it, which nobody needs to be shown.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ltw.errors import DataError

Kind = Literal["image", "video"]

HEAD = 512
"""First bytes of a file by which its format is told."""


@dataclass(frozen=True)
class Format:
    """One format; ``decoders`` are Pillow's formats, or FFmpeg's demuxer, that may read it.

    ``head`` matches the first bytes of such a file.
    """

    name: str
    kind: Kind
    decoders: tuple[str, ...]
    suffixes: tuple[str, ...]
    head: re.Pattern[bytes]


def _format(name: str, kind: Kind, decoders: str, suffixes: str, head: bytes) -> Format:
    dotted = tuple(f".{suffix}" for suffix in suffixes.split())
    return Format(name, kind, tuple(decoders.split()), dotted, re.compile(head, re.DOTALL))


_HEIF = rb"(?:hei[cmsx]|hev[cmsx]|mi[af]1|msf1|avi[fs])"
_TS = rb"(?:G.{187}G.{187}G|.{4}G.{191}G)"

FORMATS = (
    _format("JPEG", "image", "JPEG", "jpg jpeg jpe jfif jif", rb"\xff\xd8\xff"),
    _format("PNG", "image", "PNG", "png apng", rb"\x89PNG\r\n\x1a\n"),
    _format("WebP", "image", "WEBP", "webp", rb"RIFF.{4}WEBP"),
    _format("GIF", "image", "GIF", "gif", rb"GIF8[79]a"),
    _format("TIFF", "image", "TIFF", "tif tiff", rb"II[*+]\0|MM\0[*+]"),
    _format("BMP", "image", "BMP DIB", "bmp dib", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    _format(
        "AVIF",
        "image",
        "AVIF",
        "avif avifs",
        rb".{4}ftyp(?:avi[fs]|(?:mi[af]1|msf1).{0,48}avi[fs])",
    ),
    _format(
        "JPEG 2000",
        "image",
        "JPEG2000",
        "jp2 j2k j2c jpc jpf jpx",
        rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    ),
    _format("PPM", "image", "PPM", "ppm pgm pbm pnm pfm", rb"P[1-6fF]\s"),
    _format("QOI", "image", "QOI", "qoi", rb"qoif"),
    _format("DDS", "image", "DDS", "dds", rb"DDS "),
    _format("PSD", "image", "PSD", "psd", rb"8BPS"),
    _format(
        "MP4",
        "video",
        "mov",
        "mp4 m4v mov qt 3gp 3g2 f4v",
        rb".{4}(?:ftyp(?!" + _HEIF + rb")|moov|mdat|wide|free|skip|pnot)",
    ),
    _format("Matroska", "video", "matroska", "mkv webm", rb"\x1a\x45\xdf\xa3"),
    _format("AVI", "video", "avi", "avi divx", rb"RIFF.{4}AVI[ X\x19]"),
    _format("MPEG", "video", "mpeg", "mpg mpeg mpe vob", rb"\0\0\x01\xba"),
    _format("MPEG stream", "video", "mpegvideo", "mpv m1v m2v", rb"\0\0\x01\xb3"),
    _format("MPEG-TS", "video", "mpegts", "ts mts m2ts", _TS),
    _format("WMV", "video", "asf", "wmv asf", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    _format("FLV", "video", "flv", "flv", rb"FLV\x01"),
    _format("Ogg", "video", "ogg", "ogv", rb"OggS"),
    _format("MXF", "video", "mxf", "mxf", rb"\x06\x0e\x2b\x34\x02\x05\x01\x01"),
    _format("DV", "video", "dv", "dv", rb"\x1f\x07\0"),
    _format("YUV4MPEG", "video", "yuv4mpegpipe", "y4m", rb"YUV4MPEG2 "),
)

IMAGE_SUFFIXES = {suffix for f in FORMATS if f.kind == "image" for suffix in f.suffixes}
VIDEO_SUFFIXES = {suffix for f in FORMATS if f.kind == "video" for suffix in f.suffixes}
MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES

_RAW = "cr2 cr3 nef arw dng orf pef raf rw2 srw"
NOT_READ = dict.fromkeys(
    (".heic", ".heif"), "a HEIC picture, which cannot be read: save it as JPEG or PNG"
) | dict.fromkeys(
    (f".{suffix}" for suffix in _RAW.split()),
    "a camera's raw file, which is no picture yet: develop it, and save it as JPEG or PNG",
)
"""Suffixes of pictures that are often met and not read, with the reason."""

_HEIC = re.compile(rb".{4}ftyp" + _HEIF, re.DOTALL)


def identify(head: bytes) -> Format | None:
    """Return the format of a file that begins with the `HEAD` bytes ``head``; None if unknown."""
    return next((known for known in FORMATS if known.head.match(head)), None)


def by_suffix(name: str | Path) -> Format | None:
    """Return the format that a file's name promises; None if unknown."""
    suffix = Path(name).suffix.lower()
    return next((known for known in FORMATS if suffix in known.suffixes), None)


def list_formats() -> str:
    """Return all formats as words: "pictures (JPEG, ...) and videos (MP4, ...)"."""
    pictures, videos = (
        ", ".join(known.name for known in FORMATS if known.kind == kind)
        for kind in ("image", "video")
    )
    return f"pictures ({pictures}) and videos ({videos})"


def unknown(head: bytes, name: str | Path = "") -> str:
    """Say why a file that begins with ``head`` is of no format on the list."""
    if _HEIC.match(head):
        return NOT_READ[".heic"]
    return NOT_READ.get(Path(name).suffix.lower(), "neither a picture nor a video that can be read")


def format_of(path: Path) -> Format:
    """Return a file's format: by its first bytes, else by its name.

    Raises:
        DataError: it is missing, a folder, no regular file, empty, unreadable, or of no known
            format.
    """
    try:
        mode = path.stat()
        if stat.S_ISDIR(mode.st_mode):
            raise DataError(f"{path}: is a folder")
        if not stat.S_ISREG(mode.st_mode):
            raise DataError(f"{path}: is not a regular file")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"{path}: cannot be read ({_words(error)})") from None
    if not head:
        raise DataError(f"{path}: is empty")
    raw = path.suffix.lower() in NOT_READ  # many begin as a TIFF file does, with a thumbnail in it
    found = None if raw else identify(head) or by_suffix(path)
    if found is None:
        raise DataError(f"{path}: {unknown(head, path)}")
    return found


def _words(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
