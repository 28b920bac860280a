"""Facial expression of one frame, and the tools to draw it over a lit bust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ltw.synth.relief import Map, Sheet


@dataclass(frozen=True)
class Expression:
    """The face's state: lids (0 shut, 1 at rest), gaze (radians, right and down), mouth in [0, 1].

    ``open`` drops the jaw, ``wide`` (may be negative: rounded) stretches the lips, ``smile``
    lifts their corners.
    """

    lids: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    open: float = 0.0
    wide: float = 0.0
    smile: float = 0.0


def window(sheet: Sheet, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
    """Slices (rows, columns) of the sheet between face coordinates."""
    (a, b), (c, d) = sheet.pixel(np.array([(x0, y0), (x1, y1)]))
    return slice(int(b), int(d) + 1), slice(int(a), int(c) + 1)


def mix(image: Map, colour: Map, cover: Map) -> None:
    """Lay a colour over an image in place."""
    image += cover[..., None] * (np.asarray(colour, np.float32) - image)
