"""Resizing of crops to a network's input: one rule for training and scoring, without PyTorch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resize_crops(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return uint8 (K, S, S, 3) as uint8 (K, size, size, 3)."""
    if images.shape[1] == size:
        return images
    smooth = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_CUBIC  # as faces.crop
    return np.stack(
        [
            cv2.resize(i, (size, size), interpolation=smooth).astype(np.uint8, copy=False)
            for i in images
        ]
    )
