"""What happens to a picture on its way: five ways to lose quality, each at five strengths.

They are applied to face crops at evaluation only, to draw robustness curves; no detector is trained
on them. Strength 1 is barely seen, strength 5 is the worst that a face still survives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""


@dataclass(frozen=True)
class Corruption:
    """``apply(image, level, rng)`` at each of five ``levels``; ``unit`` says what a level is."""

    unit: str
    levels: tuple[float, float, float, float, float]
    apply: Callable[[Image, float, np.random.Generator], Image]


def _jpeg(image: Image, quality: float, _: np.random.Generator) -> Image:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8)


def _blur(image: Image, sigma: float, _: np.random.Generator) -> Image:
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8)


def _noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    return _to_uint8(image + rng.normal(0, sigma, image.shape))


def _downscale(image: Image, factor: float, _: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def _contrast(image: Image, factor: float, _: np.random.Generator) -> Image:
    mean = image.mean(axis=(0, 1))
    return _to_uint8(mean + factor * (image - mean))


def _to_uint8(image: NDArray[np.float64]) -> Image:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


CORRUPTIONS = {
    "jpeg": Corruption("JPEG quality", (90, 70, 50, 30, 10), _jpeg),
    "blur": Corruption("σ of the blur, pixels of the crop", (0.5, 1, 2, 3, 4), _blur),
    "noise": Corruption("σ of the noise, of 255", (2, 5, 10, 15, 25), _noise),
    "downscale": Corruption("reduced by a factor of", (1.5, 2, 3, 4, 6), _downscale),
    "contrast": Corruption("contrast left", (0.8, 0.6, 0.45, 0.3, 0.15), _contrast),
}
