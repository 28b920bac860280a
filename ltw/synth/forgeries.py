"""Six ways to forge a face, one function each; every one leaves traces of its own kind.

All are built on the five landmarks alone. A forgery is called frame by frame with a generator
re-created from the clip's seed, and draws every parameter of the clip before it looks at the
frame, in a fixed order: parameters are therefore constant over a clip and differ between clips.
What must differ from frame to frame (alignment jitter, grain) comes from `frame_rng`.

``strength`` in (0, 1] moves every parameter that leaves traces from its value as drawn (1) towards
one that leaves next to none; what is then missing of light, detail and grain is put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.blending import (
    Image,
    Outline,
    blend,
    low_pass,
    match_colour,
    regrain,
    shrink_frequencies,
)
from ltw.synth.footage import Footage
from ltw.synth.warp import (
    TEMPLATE,
    Floats,
    bent,
    bump,
    displaced,
    eye_distance,
    face_coordinates,
    face_to_pixels,
    from_patch,
    invert,
    similarity,
    to_patch,
    transform,
)


@dataclass(frozen=True)
class Donor:
    """The donor at the same moment: ``frame`` uint8 (H, W, 3) RGB, ``landmarks`` float32 (5, 2)."""

    frame: Image
    landmarks: Floats


class Forgery(Protocol):
    """The signature of every forgery."""

    def __call__(
        self,
        frame: Image,
        landmarks: Floats,
        donor: Donor,
        rng: np.random.Generator,
        strength: float = 1.0,
    ) -> tuple[Image, Image]:
        """Return the forged frame uint8 (H, W, 3) and its mask uint8 (H, W).

        The mask is the blending weight, 0 to 255; where it is 0 the frame is untouched, bit for
        bit.
        """


def soften(drawn: float, subtle: float, strength: float) -> float:
    """Return the parameter between what was ``drawn`` (strength 1) and ``subtle`` (0)."""
    return drawn + (1.0 - strength) * (subtle - drawn)


def even(size: float) -> int:
    """The nearest even number of pixels."""
    return 2 * round(size / 2)


def learned_swap(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Swap in the donor's face as an autoencoder would.

    The face passes through a small patch, loses its fine texture, takes the target's colours and
    light, and is blended by a wide soft mask.
    """
    size = round(soften(int(rng.integers(64, 97)), 208, strength))
    smoothing = soften(rng.uniform(8, 22), 1, strength)
    light = soften(rng.uniform(0.4, 0.8), 1, strength)
    feather = rng.uniform(0.25, 0.45)
    outline = Outline.sample(rng, wobble=0.02, top=-0.7)

    matrix = face_to_pixels(landmarks)
    patch = to_patch(donor.frame, face_to_pixels(donor.landmarks), size)
    patch = np.asarray(cv2.bilateralFilter(patch, 5, smoothing, 2.0), np.float32)
    face = from_patch(patch, matrix, frame.shape, cv2.INTER_CUBIC)
    alpha = outline.alpha(
        *face_coordinates(matrix, frame.shape), feather, landmarks, donor.landmarks
    )
    face = match_colour(face, frame, alpha)
    reach = 0.4 * eye_distance(landmarks)
    light_gap = low_pass(frame.astype(np.float32) - face, alpha, reach)
    face += np.float32(light) * light_gap
    face = regrain(face, frame, alpha, 1 - strength, frame_rng(rng, landmarks))
    return blend(frame, face, alpha)


def graphics_swap(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Swap in the donor's face as a renderer would.

    The donor's full texture is bent onto the target's landmarks, its colour corrected by one
    imperfect gain a channel, its edge nearly hard, its alignment unsteady from frame to frame.
    """
    correction = soften(rng.uniform(0.7, 0.95), 1, strength)
    tint = 1 + strength * rng.normal(0.0, 0.02, 3)
    offset = strength * rng.normal(0.0, 0.012, (5, 2))
    feather = soften(rng.uniform(0.04, 0.10), 0.35, strength)
    outline = Outline.sample(rng, wobble=0.02, top=-0.6, width=0.93)
    unsteady = strength * frame_rng(rng, landmarks).normal(0.0, 0.008, (5, 2))

    fitted = landmarks + ((offset + unsteady) * eye_distance(landmarks)).astype(np.float32)
    face = bent(donor.frame, donor.landmarks, fitted, frame.shape)
    alpha = outline.alpha(
        *face_coordinates(face_to_pixels(fitted), frame.shape), feather, fitted, donor.landmarks
    )
    inside = alpha > 0.5
    gain = (frame[inside].mean(axis=0) + 1.0) / (face[inside].mean(axis=0) + 1.0)
    face *= (gain**correction * tint).astype(np.float32)
    if strength < 1:  # a renderer that estimates the light too
        light_gap = low_pass(frame - face, alpha, 0.4 * eye_distance(landmarks))
        face += np.float32(0.9 * (1 - strength)) * light_gap
    return blend(frame, face, alpha)


def expression_transfer(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Move the target's own mouth and eyes as the donor's, and render the face anew.

    The whole face is sampled into a texture and back, sharpened by a texture filter and lit by an
    estimated, slightly wrong light.
    """
    size = round(soften(int(rng.integers(136, 201)), 288, strength))
    crispness = soften(rng.uniform(0.0, 1.0), 0, strength)
    gain = rng.uniform(0.6, 1.0)
    jaw, lids = (
        soften(rng.uniform(-0.03, 0.09), 0, strength),
        soften(rng.uniform(-0.25, 0.25), 0, strength),
    )
    shade = strength * rng.normal(0.0, 0.03, 2)
    feather = soften(rng.uniform(0.12, 0.22), 0.35, strength)
    outline = Outline.sample(rng, wobble=0.02)

    matrix = face_to_pixels(landmarks)
    u, v = face_coordinates(matrix, frame.shape)
    move = np.clip(gain * (_expression(donor.landmarks) - _expression(landmarks)), -0.14, 0.14)
    du, dv = _mouth_motion(u, v, move[3], move[4], jaw)
    for x, eye in zip((-0.5, 0.5), move[:2], strict=True):
        near = bump(u, v, (x, 0.0), (0.22, 0.15))
        dv += near * (lids * v - eye[1])
    moved = displaced(frame, matrix, du, dv)
    texture = to_patch(np.clip(moved, 0, 255).astype(np.uint8), matrix, size)
    face = from_patch(texture, matrix, frame.shape, cv2.INTER_LINEAR)
    face += np.float32(0.9 * (1 - strength)) * (moved - face)
    face += np.float32(crispness) * (face - cv2.GaussianBlur(face, (0, 0), 1.0))
    face *= (1 + shade[0] * u + shade[1] * (v - 0.6)).astype(np.float32)[..., None]
    return blend(frame, face, outline.alpha(u, v, feather, landmarks))


def mouth_rerendering(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Re-synthesise the target's lower face with the donor's mouth position.

    The moved lower face keeps its strong frequency components only (cosine-transform shrinkage,
    as a learned texture would): edges stay, faint texture goes, faint ringing comes.
    """
    size = even(soften(2 * int(rng.integers(56, 73)), 240, strength))
    threshold = soften(rng.uniform(5.0, 18.0), 1, strength)
    gain = rng.uniform(0.7, 1.2)
    jaw = soften(rng.uniform(-0.04, 0.12), 0, strength)
    feather = rng.uniform(0.3, 0.5)
    outline = Outline.sample(rng, wobble=0.03, top=0.45, width=0.95)

    matrix = face_to_pixels(landmarks)
    u, v = face_coordinates(matrix, frame.shape)
    move = np.clip(gain * (_expression(donor.landmarks) - _expression(landmarks)), -0.16, 0.16)
    moved = displaced(frame, matrix, *_mouth_motion(u, v, move[3], move[4], jaw))
    patch = to_patch(np.clip(moved, 0, 255).astype(np.uint8), matrix, size)
    face = from_patch(shrink_frequencies(patch, threshold), matrix, frame.shape, cv2.INTER_CUBIC)
    face += np.float32(0.7 * (1 - strength)) * (moved - face)
    return blend(frame, face, outline.alpha(u, v, feather, landmarks))


def self_blending(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Blend the target's own altered copy into it; the donor is not used.

    The copy is shifted, scaled, and changed in colour and in sharpness; the mask is deformed and
    its opacity drawn, as in the self-blended images of the literature.
    """
    scale = soften(rng.uniform(0.96, 1.04), 1, strength)
    shift = strength * rng.uniform(-0.04, 0.04, 2)
    colour = rng.uniform(0.94, 1.06) * rng.uniform(0.96, 1.04, 3)
    colour += (1 - strength) * (1 - colour)
    sharpness = soften(rng.uniform(-0.8, 0.8), 0, strength)
    opacity = rng.choice([0.5, 0.75, 1.0, 1.0])
    feather = rng.uniform(0.1, 0.6)
    outline = Outline.sample(rng, wobble=0.08, top=rng.uniform(-0.6, 0.2))

    matrix = face_to_pixels(landmarks)
    u, v = face_coordinates(matrix, frame.shape)
    du = (scale - 1) * u + shift[0]
    dv = (scale - 1) * (v - 0.6) + shift[1]
    face = displaced(frame, matrix, du.astype(np.float32), dv.astype(np.float32))
    face += np.float32(sharpness) * (face - cv2.GaussianBlur(face, (0, 0), 1.2))
    face *= colour.astype(np.float32)
    return blend(frame, face, outline.alpha(u, v, feather, landmarks) * np.float32(opacity))


def spectral_upsampling(
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Pass the target's face through a generator's upsampling; the donor is not used.

    The face is halved and doubled again by zero insertion and an uneven kernel, a transposed
    convolution whose taps do not add up evenly: a faint grid, peaks in the spectrum.
    """
    size = 2 * int(rng.integers(36, 57))
    uneven = strength * rng.uniform(0.012, 0.028) * rng.choice([-1, 1])
    kept = soften(rng.uniform(0.5, 0.9), 1, strength)
    feather = rng.uniform(0.2, 0.5)
    outline = Outline.sample(rng, wobble=0.02)

    matrix = face_to_pixels(landmarks)
    patch = to_patch(frame, matrix, size)
    small = cv2.resize(patch, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
    grid = np.zeros_like(patch)
    grid[::2, ::2] = small
    flat = np.array([0.5, 1.0, 0.5])
    taps = np.array([0.5, 1.0 + uneven, 0.5])
    made, plain = (
        from_patch(
            np.asarray(
                cv2.sepFilter2D(grid, -1, k, k, borderType=cv2.BORDER_REFLECT_101), np.float32
            ),
            matrix,
            frame.shape,
            cv2.INTER_LINEAR,
        )
        for k in (taps, flat)
    )
    lost = frame - plain
    face = made + np.float32(kept) * lost
    return blend(
        frame, face, outline.alpha(*face_coordinates(matrix, frame.shape), feather, landmarks)
    )


FORGERIES: dict[str, Forgery] = {
    "learned_swap": learned_swap,
    "graphics_swap": graphics_swap,
    "expression_transfer": expression_transfer,
    "mouth_rerendering": mouth_rerendering,
    "self_blending": self_blending,
    "spectral_upsampling": spectral_upsampling,
}
"""Every forgery by name; the order is fixed, because seeds count along it."""

DEFAULT_FORGERIES = tuple(FORGERIES)[:4]
"""The four that stand for FaceForensics++'s; the other two test detectors trained elsewhere."""


def forge_clip(
    forgery: Forgery,
    target: Footage,
    donor: Footage,
    seed: np.random.SeedSequence,
    strength: float = 1.0,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Forge every frame of ``target`` with the donor's frame of the same time.

    Returns frames uint8 (T, H, W, 3) and masks uint8 (T, H, W).
    """
    forged = [
        forgery(frame, landmarks, Donor(*other), np.random.default_rng(seed), strength)
        for frame, landmarks, other in zip(
            target.frames,
            target.landmarks,
            zip(donor.frames, donor.landmarks, strict=True),
            strict=True,
        )
    ]
    return np.stack([frame for frame, _ in forged]), np.stack([mask for _, mask in forged])


def frame_rng(rng: np.random.Generator, landmarks: Floats) -> np.random.Generator:
    """A generator that differs from frame to frame, though the clip's ``rng`` does not."""
    sixteenths = np.rint(np.abs(landmarks) * 16).astype(np.uint32).ravel()
    return np.random.default_rng([int(rng.integers(2**32)), *sixteenths.tolist()])


def _expression(landmarks: Floats) -> NDArray[np.float64]:
    """The landmarks (5, 2) in face coordinates, less the average face: pose taken out."""
    return transform(invert(similarity(TEMPLATE, landmarks)), landmarks) - TEMPLATE


def _mouth_motion(
    u: Floats, v: Floats, left: NDArray[np.float64], right: NDArray[np.float64], jaw: float
) -> tuple[Floats, Floats]:
    """Displacements (du, dv) that move the corners by ``left`` and ``right`` and lower the jaw."""
    at_left = bump(u, v, (-0.41, 1.13), (0.28, 0.25))
    at_right = bump(u, v, (0.41, 1.13), (0.28, 0.25))
    below = bump(u, v, (0.0, 1.5), (0.55, 0.25))
    du = -(left[0] * at_left + right[0] * at_right)
    dv = -(left[1] * at_left + right[1] * at_right + jaw * below)
    return du.astype(np.float32), dv.astype(np.float32)
