"""Blending of a forged face into a frame: its outline, its colours, the blend itself."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.warp import Floats, nose_offset

Image = NDArray[np.uint8]

CHIN = 1.74
"""Lowest point of the outline in face coordinates: just above the tip of an average chin."""


@dataclass(frozen=True)
class Outline:
    """The outline of a manipulated region in face coordinates: a jaw-shaped oval, a little uneven.

    ``top`` is its upper edge (brows lie near -0.35), ``width`` its greatest half width;
    ``waves`` (3, 2) are the cosine and sine parts of its unevenness along the angle.
    """

    top: float
    width: float
    waves: Floats

    @classmethod
    def sample(
        cls, rng: np.random.Generator, *, wobble: float, top: float = -0.5, width: float = 1.02
    ) -> Outline:
        """Draw an outline around ``top`` and ``width``; ``wobble`` is its relative unevenness."""
        return cls(
            top=top + rng.uniform(-0.08, 0.08),
            width=width * rng.uniform(0.93, 1.04),
            waves=rng.normal(0.0, wobble, (3, 2)).astype(np.float32),
        )

    def alpha(self, u: Floats, v: Floats, feather: float, *faces: Floats) -> Floats:
        """Blending weight in [0, 1], float32 like ``u``: 1 inside, falling to 0 over ``feather``.

        ``feather`` is relative to the radius; the outline itself is where the weight reaches 0.
        ``faces`` are the landmarks (5, 2) of all that take part: where one is turned away, the
        outline is narrower, so that neither face's background comes into it.
        """
        turns = [2.5 * nose_offset(landmarks) for landmarks in faces]
        left = self.width * (1 - np.clip(-min(turns), 0, 0.35))
        right = self.width * (1 - np.clip(max(turns), 0, 0.35))
        middle = (self.top + CHIN) / 2
        down = (v - middle) / (CHIN - middle)
        half_width = np.where(u < 0, np.float32(left), np.float32(right))
        across = u / (half_width * (1 - 0.22 * np.clip(down, 0, 1) ** 2))  # the jaw narrows
        radius = np.hypot(across, down)
        angle = np.arctan2(down, across)
        for k, (cosine, sine) in enumerate(self.waves, start=2):
            radius *= 1 + cosine * np.cos(k * angle) + sine * np.sin(k * angle)
        weight = np.clip((1.0 - radius) / feather, 0, 1)
        return np.asarray(weight * weight * (3 - 2 * weight), np.float32)


def blend(frame: Image, face: Floats, alpha: Floats) -> tuple[Image, Image]:
    """Mix ``face`` float32 (H, W, 3) into ``frame`` by ``alpha``; returns frame and mask, uint8.

    The mask is ``alpha`` times 255, and where it is 0 the frame keeps its bits.
    """
    mask = np.rint(alpha * 255).astype(np.uint8)
    mixed = frame + alpha[..., None] * (face - frame)
    mixed = np.where(mask[..., None] > 0, np.rint(np.clip(mixed, 0, 255)), frame)
    return mixed.astype(np.uint8), mask


def match_colour(face: Floats, frame: Image, alpha: Floats) -> Floats:
    """Give ``face`` the mean of ``frame`` under ``alpha``, and nearly its relative contrast.

    By a gain a channel, as light acts: a shift would blacken a fair donor's eyes on dark skin.
    """
    weight = alpha / alpha.sum()

    def moments(image: Floats) -> tuple[Floats, Floats]:
        mean = np.tensordot(weight, image, axes=2) + np.float32(1)
        variance = np.tensordot(weight, np.square(image - mean), axes=2)
        return mean, np.asarray(np.sqrt(variance) / mean, np.float32)

    mean, contrast = moments(face)
    wanted_mean, wanted_contrast = moments(frame.astype(np.float32))
    stretch = np.clip(wanted_contrast / (contrast + 1e-3), 0.8, 1.25)
    return np.asarray(((face / mean - 1) * stretch + 1) * wanted_mean, np.float32)


def low_pass(image: Floats, alpha: Floats, sigma: float) -> Floats:
    """Gaussian blur of ``image`` under ``alpha`` alone, by a wide ``sigma`` in pixels.

    Computed on an eighth of the picture's size; what lies outside ``alpha`` does not bleed in.
    """
    height, width = image.shape[:2]
    stacked = np.dstack([image * alpha[..., None], alpha])
    small = cv2.resize(stacked, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 8)
    smooth = small[..., :3] / (small[..., 3:] + 1e-3)
    return np.asarray(cv2.resize(smooth, (width, height)), np.float32)


def regrain(
    face: Floats, frame: Image, alpha: Floats, share: float, rng: np.random.Generator
) -> Floats:
    """Give ``face`` noise, ``share`` of what it lacks against ``frame`` under ``alpha``.

    How grainy a picture is, is the median of what a narrow blur takes away, so edges do not count.
    """
    inside = alpha > 0.5
    if share <= 0 or not inside.any():
        return face

    def grain(image: Floats) -> float:
        fine = np.abs(image - cv2.GaussianBlur(image, (0, 0), 1.0))[inside]
        return float(np.median(fine)) / 0.6745

    lacking = np.sqrt(max(0.0, grain(frame.astype(np.float32)) ** 2 - grain(face) ** 2))
    noise = rng.standard_normal(face.shape, np.float32)
    return face + np.float32(share * lacking) * noise


def shrink_frequencies(patch: Floats, threshold: float) -> Floats:
    """Soft-threshold the cosine transform of a patch (N, N, 3), N even: keeps what is strong."""
    channels = []
    for channel in np.moveaxis(patch, 2, 0):
        spectrum = cv2.dct(np.ascontiguousarray(channel))
        kept = np.sign(spectrum) * np.maximum(np.abs(spectrum) - threshold, 0)
        kept[0, 0] = spectrum[0, 0]
        channels.append(cv2.idct(kept))
    return np.asarray(np.stack(channels, axis=2), np.float32)
