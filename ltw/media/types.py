"""Frames that were read, whatever they were read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its number from 0, its time in seconds, uint8 (H, W, 3) RGB."""

    index: int
    time: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """Frames taken from a video of ``total`` frames.

    ``damage`` says what did not decode, ``display`` what cannot be shown as it was meant, or "".
    """

    frames: list[Frame]
    total: int
    damage: str = ""
    display: str = ""

    @property
    def warning(self) -> str:
        """Both in one, or ""."""
        return "; ".join(filter(None, (self.damage, self.display)))
