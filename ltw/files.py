"""Atomic writes: files appear whole or not at all, whenever a process is killed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; it becomes ``path`` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(
        f".{path.name}.{uuid4().hex}.part"
    )  # jobs on other machines write here too
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def unicode_name(name: str) -> str:
    r"""Return a file's name as text that can be stored: bytes that are not UTF-8 are written \xff.

    Names that are UTF-8 stay as they are, and different names stay different.
    """
    try:
        stored = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character that no file's name brought in, but JSON did
        stored = name.encode("utf-8", "backslashreplace")
    return stored.decode("utf-8", "backslashreplace")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def checksum(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
