"""File formats, by their first bytes: decoders see nothing that is not on this list.

FFmpeg and Pillow read far more than photographs and videos, playlists that name other files and
PostScript among it, which nobody needs to be sent.
"""

from __future__ import annotations

from ltw.infer.prediction import Kind
from ltw.serve.limits import Refusal

HEAD = 32
"""Bytes that `kind_of` needs."""

_HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def kind_of(head: bytes) -> Kind:
    """Return what a file is that begins with ``head``.

    Raises:
        Refusal: 415, it is neither an image nor a video that can be read.
    """
    if not head:
        raise Refusal(422, "The file is empty.")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        raise Refusal(415, "HEIC and AVIF pictures cannot be read; save it as JPEG or PNG.")
    if _is_image(head):
        return "image"
    if _is_video(head):
        return "video"
    raise Refusal(
        415,
        "This is neither a picture (JPEG, PNG, WebP, BMP, TIFF) nor a video (MP4, MOV, M4V, WebM, "
        "MKV, AVI, MPEG).",
    )


def _is_image(head: bytes) -> bool:
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")
    return head.startswith(starts) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_video(head: bytes) -> bool:
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    starts = (b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3")  # Matroska, WebM; MPEG
    return head.startswith(starts) or head[4:8] in _QUICKTIME
