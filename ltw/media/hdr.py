"""High dynamic range: which transfer curves it is told by, and pictures that have one."""

from __future__ import annotations

import re
from pathlib import Path

CURVES = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of ITU-T H.273 whose white is not the brightest there is."""

_SEARCHED = 65_536
_NCLX = re.compile(rb"colrnclx..(..)", re.DOTALL)  # HEIF: two bytes each, primaries first
_CICP = re.compile(rb"\0\0\0\x04cICP.(.)", re.DOTALL)  # PNG: one byte each


def picture_warning(path: Path) -> str:
    """Return what there is to say of a PNG or AVIF file whose brightness is HDR's, or ""."""
    with path.open("rb") as file:
        head = file.read(_SEARCHED)
    pattern = _CICP if head.startswith(b"\x89PNG") else _NCLX if head[4:8] == b"ftyp" else None
    found = pattern.search(head) if pattern else None
    curve = CURVES.get(int.from_bytes(found[1], "big")) if found else None
    return f"HDR ({curve}): shown without its curve, so its colours are off" if curve else ""
