"""Atomic writes: files appear whole or not at all, whenever a process is killed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

STALE_SECONDS = 24 * 3600
"""Age from which a half-written file of another machine belongs to nobody any more."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; it becomes ``path`` when the block ends well.

    The file may be read by whom the umask allows, whatever the library that writes it thinks.

    Raises:
        OSError: it cannot be written; ``filename`` is ``path``.
    """
    part = _part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode
        yield part
        part.chmod(mode)
        part.replace(path)
    except SafetensorError as error:  # a full disk, in its words
        raise OSError(errno.EIO, f"cannot be written ({error})", str(path)) from error
    except OSError as error:
        if error.filename is None or str(error.filename) == str(part):
            reason = error.strerror or str(error) or "cannot be written"
            raise OSError(error.errno or errno.EIO, reason, str(path)) from error
        raise
    finally:
        with suppress(OSError):  # below a file there is nothing to remove
            part.unlink(missing_ok=True)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a folder beside a path for the block; `sweep` finds it where its process was killed."""
    folder = _part_of(beside)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def require_writable(path: Path) -> None:
    """Check before long work that ``path`` can be written when it ends; change nothing that is.

    Raises:
        OSError: it cannot; ``filename`` is ``path``.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    sweep(path.parent, path.name)
    part = _part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:  # a full disk takes an empty file
            file.write(bytes(4096))
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        code = getattr(error, "errno", None) or errno.EINVAL
        raise OSError(code, os.strerror(code), str(path)) from None
    finally:
        with suppress(OSError, ValueError):
            part.unlink(missing_ok=True)


def sweep(folder: Path, name: str | None = None, *, below: bool = False) -> None:
    """Remove what killed writes left in ``folder``, of ``name`` or all, if nobody alive writes.

    With ``below``, in all folders below it too.
    """
    if not folder.is_dir():
        return
    pattern = "*" if name is None else escape(name)
    search = folder.rglob if below else folder.glob
    for part in list(search(f".{pattern}.*.part")):
        if not _is_owned(part):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def _part_of(path: Path) -> Path:
    """Return a new name beside ``path`` that says whose it is: processes elsewhere write too."""
    return path.with_name(f".{path.name}.{_host()}.{os.getpid()}.{uuid4().hex[:16]}.part")


def _host() -> str:
    return socket.gethostname().replace(".", "-") or "host"


def _is_owned(part: Path) -> bool:
    """Whether a process that may be alive writes to ``part``."""
    *_, host, process, _, _ = ("", "", *part.name.split("."))
    if host == _host() and process.isdigit():
        return _is_alive(int(process))
    try:
        return time.time() - part.stat().st_mtime <= STALE_SECONDS
    except OSError:  # gone meanwhile
        return True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
