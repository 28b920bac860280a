"""The boundary around decoders: whatever they raise becomes a reason, and ends no batch."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import UnidentifiedImageError

from ltw.errors import DataError, LTWError

DEBUG = "LTW_DEBUG"
"""Environment variable that shows the traceback behind every reason; child processes inherit it."""

_LONGEST = 300


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn whatever is raised inside, by any library, into a `DataError` about ``path``.

    It names the exception's type; the exception is its cause. An `LTWError` passes as it is, and
    so do KeyboardInterrupt and SystemExit.

    Raises:
        DataError: anything was raised.
    """
    try:
        yield
    except LTWError:
        raise
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        raise DataError(f"{path}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """Return one line about an exception that a decoder raised."""
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, MemoryError):
        return f"takes more memory than there is ({kind})"
    said = getattr(error, "strerror", None) or str(error)  # FFmpeg's errors have one, too
    words = " ".join(said.split())[:_LONGEST]
    return f"cannot be decoded ({kind}: {words})" if words else f"cannot be decoded ({kind})"


def without(path: str | Path, error: LTWError) -> str:
    """Return an error's message without the file's name before it."""
    return str(error).removeprefix(f"{path}: ")
