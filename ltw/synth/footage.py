"""Footage of a person: frames, and where the face is in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Footage:
    """One genuine take of one person.

    ``frames`` is uint8 (T, H, W, 3) RGB; ``landmarks`` float32 (T, 5, 2), x then y in pixels: left
    eye, right eye, nose, left and right corner of the mouth as seen in the picture (MTCNN's order).
    """

    frames: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
