"""Forgeries that fail, as those of real data sets do: the forged face comes to lie wrong.

Every kind works on what a forgery made (frame, forged frame, mask), whichever forgery it was. It is
drawn once a clip: a generator re-created from one seed goes through every frame.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.blending import Image, blend
from ltw.synth.warp import (
    Floats,
    Matrix,
    displaced,
    eye_distance,
    face_coordinates,
    face_to_pixels,
)

Moved = tuple[Floats, Floats, Floats]
"""Displacements (du, dv) in face coordinates by which the forged face is sampled; what is kept."""

MIDDLE = 0.6
"""v of the face's middle: the nose."""


def fail_clip(
    kind: str,
    frames: NDArray[np.uint8],
    forged: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    seed: np.random.SeedSequence,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Let a forged clip fail in the way ``kind``, one of `FAILURES`.

    ``frames`` and ``forged`` are uint8 (T, H, W, 3), ``masks`` uint8 (T, H, W) and ``landmarks``
    float32 (T, 5, 2); returns the frames and masks of the failed forgery.
    """
    made = [
        FAILURES[kind](*one, np.random.default_rng(seed))
        for one in zip(frames, forged, masks, landmarks, strict=True)
    ]
    return np.stack([frame for frame, _ in made]), np.stack([mask for _, mask in made])


def _misplaced(u: Floats, v: Floats, rng: np.random.Generator) -> Moved:
    """Beside its place, by a quarter to a half of the distance between the eyes."""
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.5)
    du, dv = np.cos(angle) * distance, np.sin(angle) * distance
    return np.full_like(u, du), np.full_like(v, dv), np.ones_like(u)


def _wrong_scale(u: Floats, v: Floats, rng: np.random.Generator) -> Moved:
    """Three quarters of its size or less, or a quarter larger or more."""
    scale = rng.uniform(0.6, 0.78) if rng.random() < 0.5 else rng.uniform(1.25, 1.5)
    shrink = np.float32(1 / scale - 1)
    return shrink * u, shrink * (v - np.float32(MIDDLE)), np.ones_like(u)


def _torn(u: Floats, v: Floats, rng: np.random.Generator) -> Moved:
    """In three to five strips that have slid along their edges, perhaps one of them missing."""
    angle = rng.uniform(0, np.pi)
    cuts = np.sort(rng.uniform(-0.9, 0.9, rng.integers(2, 5)))
    slides = rng.uniform(0.12, 0.4, len(cuts) + 1) * rng.choice([-1, 1], len(cuts) + 1)
    missing = rng.integers(len(slides)) if rng.random() < 0.5 else -1
    across = np.cos(angle) * u + np.sin(angle) * (v - MIDDLE)
    strip = np.searchsorted(cuts, across)
    slide = slides[strip].astype(np.float32)
    kept = (strip != missing).astype(np.float32)
    return np.float32(-np.sin(angle)) * slide, np.float32(np.cos(angle)) * slide, kept


def _move(draw: Callable[[Floats, Floats, np.random.Generator], Moved]) -> Failure:
    """The failure that samples the forged face elsewhere."""

    def failure(
        frame: Image, forged: Image, mask: Image, landmarks: Floats, rng: np.random.Generator
    ) -> tuple[Image, Image]:
        matrix: Matrix = face_to_pixels(landmarks)
        du, dv, kept = draw(*face_coordinates(matrix, frame.shape), rng)
        face = displaced(forged, matrix, du, dv)
        alpha = displaced(np.repeat(mask[..., None], 3, axis=2), matrix, du, dv)[..., 0]
        return blend(frame, face, _opaque(alpha) * kept)

    return failure


def _blurred(
    frame: Image, forged: Image, mask: Image, landmarks: Floats, rng: np.random.Generator
) -> tuple[Image, Image]:
    """A smear with an edge: a decoder that has learned nothing of this pose."""
    sigma = rng.uniform(0.05, 0.12) * eye_distance(landmarks)
    face = cv2.GaussianBlur(forged.astype(np.float32), (0, 0), sigma)
    return blend(frame, np.asarray(face, np.float32), _opaque(mask.astype(np.float32)))


def _opaque(mask: Floats) -> Floats:
    """A weight of 0 to 1 that lets less of the frame through than the forgery's own, 0 to 255."""
    return np.asarray(np.clip(mask * np.float32(1.6 / 255), 0, 1), np.float32)


Failure = Callable[[Image, Image, Image, Floats, np.random.Generator], tuple[Image, Image]]
"""(frame, forged frame, mask, landmarks, rng) -> frame and mask of the failed forgery."""

FAILURES: dict[str, Failure] = {
    "misplaced": _move(_misplaced),
    "wrong scale": _move(_wrong_scale),
    "torn": _move(_torn),
    "smeared": _blurred,
}
"""Every kind of failed forgery by name; the order is fixed, because seeds count along it."""
