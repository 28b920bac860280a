"""Bad detections, of genuine and forged faces alike: what a detector hands on and should not have.

In an out-of-focus or dark frame the face is found and hardly seen. A face that is cut off, and a
place without a face, are a detector's mistakes: the corpus tells their boxes, and extraction cuts
there.
"""

from __future__ import annotations

import cv2
import numpy as np

from ltw.synth.blending import Image

Box = tuple[float, float, float, float]

BAD_DETECTIONS = ("out of focus", "dark", "cut off", "no face")
"""The kinds; the order is fixed, because seeds count along it."""


def spoil(kind: str, frame: Image, rng: np.random.Generator) -> Image:
    """Return the frame, uint8 (H, W, 3), as a bad detection of this kind finds it."""
    side = frame.shape[0]
    if kind == "out of focus":
        sigma = rng.uniform(0.012, 0.025) * side
        length = int(rng.integers(1, max(2, side // 24)))
        shaken = cv2.blur(frame, (length, 1))
        return np.asarray(cv2.GaussianBlur(shaken, (0, 0), sigma), np.uint8)
    if kind == "dark":
        light = frame.astype(np.float32) * rng.uniform(0.12, 0.3)
        light += rng.uniform(1.0, 3.0) * rng.standard_normal(frame.shape, np.float32)
        return np.asarray(np.rint(np.clip(light, 0, 255)), np.uint8)
    return frame


def mistaken_box(kind: str, size: int, rng: np.random.Generator) -> Box | None:
    """Return where a detector is wrong in a frame of ``size`` pixels; None if it is not.

    Whole heads fill the frames of a corpus, their faces about half as high and in the middle.
    """
    if kind == "cut off":
        side = rng.uniform(0.28, 0.5)
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.22, 0.32)
        x, y = 0.5 + distance * np.cos(angle), 0.5 + distance * np.sin(angle)
    elif kind == "no face":
        side = rng.uniform(0.16, 0.26)
        x, y = rng.choice([0.0, 1.0]), rng.choice([0.0, 1.0])
        inward = rng.uniform(0.4, 0.6, 2) * side
        x, y = abs(x - inward[0]), abs(y - inward[1])
    else:
        return None
    x0, y0, length = ((x - side / 2) * size, (y - side / 2) * size, side * size)
    return (round(x0, 1), round(y0, 1), round(x0 + length, 1), round(y0 + length, 1))
