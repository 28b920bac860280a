"""A PNG file without its notes: a picture is shown although a text beside it is too much."""

from __future__ import annotations

from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NOTES = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}


def without_notes(path: Path) -> bytes | None:
    """Return a PNG file's bytes without texts and colour profile; None if it is no PNG file."""
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        return None
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _NOTES:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)
