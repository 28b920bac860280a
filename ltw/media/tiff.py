"""TIFF files of samples that Pillow does not know (several floats a pixel), decoded by OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ltw.errors import DataError
from ltw.media.limits import Limits

_MAGIC = (b"II*\0", b"MM\0*")
_WIDTH, _HEIGHT, _SAMPLES, _FORMAT = 256, 257, 277, 339
_FLOATS = 3


def unusual_size(path: Path) -> tuple[int, int] | None:
    """Return (width, height) of a TIFF file of floats, several a pixel; None of any other file."""
    with path.open("rb") as file:
        head = file.read(8)
        if not head.startswith(_MAGIC):
            return None
        tags = ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
    kinds = tags.get(_FORMAT, (1,))
    if tags.get(_SAMPLES, 1) < 2 or _FLOATS not in np.atleast_1d(kinds):
        return None
    return int(tags[_WIDTH]), int(tags[_HEIGHT])


def unusual(path: Path, limits: Limits) -> NDArray[np.generic] | None:
    """Decode a TIFF file of floats as (H, W, 3) RGB; None of any other file.

    Raises:
        DataError: it is above a limit, or cannot be decoded.
    """
    size = unusual_size(path)
    if size is None:
        return None
    limits.check_picture(path, *size)
    data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if data is None or data.ndim != 3 or data.shape[2] not in (3, 4):
        raise DataError(f"{path}: a TIFF file of samples that cannot be decoded")
    return data[..., 2::-1]
