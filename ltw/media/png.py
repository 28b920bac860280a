"""A PNG file without its notes: a picture is shown although a text beside it is too much."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
PROFILE = frozenset({b"iCCP"})

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def without_chunks(path: Path, kinds: Collection[bytes]) -> bytes | None:
    """Return a PNG file's bytes without chunks of these kinds; None if it has none, or is no PNG.

    Of a file that breaks off, what there is is returned.
    """
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return None
        kept, dropped = [_SIGNATURE], False
        while len(header := file.read(8)) == 8:
            size = int.from_bytes(header[:4], "big") + 4  # and its checksum
            if header[4:] in kinds:
                file.seek(size, 1)
                dropped = True
            else:
                kept += [header, file.read(size)]
    return b"".join(kept) if dropped else None


def has_chunk(path: Path, kinds: Collection[bytes]) -> bool:
    """Return whether a file is PNG and has a chunk of these kinds; reads nothing but headers."""
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return False
        while len(header := file.read(8)) == 8:
            if header[4:] in kinds:
                return True
            file.seek(int.from_bytes(header[:4], "big") + 4, 1)
    return False
