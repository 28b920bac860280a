"""Two forgeries by a learned autoencoder: what its decoder leaves is what generators leave.

The autoencoder is not part of this package; whoever makes a corpus hands one over (`Source`).
Rules of a forgery as in `ltw.synth.forgeries`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import cv2
import numpy as np

from ltw.synth.blending import Image, Outline, blend, match_colour
from ltw.synth.forgeries import FORGERIES, Donor, Forgery, frame_rng, soften
from ltw.synth.warp import (
    Floats,
    bent,
    eye_distance,
    face_coordinates,
    face_to_pixels,
    from_patch,
    patch_matrix,
    to_patch,
)


class Autoencoder(Protocol):
    """What the forgeries ask of an autoencoder; ``stride`` pixels are one place of a latent."""

    stride: int

    def encode(self, images: Floats) -> Floats:
        """Latents (K, H/stride, W/stride, C) of images float32 (K, H, W, 3), RGB in [0, 1]."""

    def decode(self, latents: Floats) -> Floats:
        """The images of latents."""


@dataclass(frozen=True)
class Source:
    """Where worker processes get an autoencoder: ``load`` is picklable, ``digest`` its checksum."""

    digest: str
    load: Callable[[], Autoencoder]


def twin(
    autoencoder: Autoencoder,
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Encode and decode the target's own face; the donor is not used.

    The face, or the square around it, is replaced by what the decoder makes of its latent, which a
    little noise moves; some of the detail that was lost is put back.
    """
    side = _side(soften(rng.uniform(104, 152), 208, strength), autoencoder)
    noise = strength * rng.uniform(0.05, 0.2)
    kept = soften(rng.uniform(0.0, 0.25), 0.6, strength)
    feather = rng.uniform(0.15, 0.4)
    square = rng.random() < 0.35
    outline = Outline.sample(rng, wobble=0.02, top=-0.7)

    matrix = face_to_pixels(landmarks)
    patch = to_patch(frame, matrix, side)
    latent = autoencoder.encode(patch[None] / np.float32(255))
    latent = _shaken(latent, noise, frame_rng(rng, landmarks))
    made = autoencoder.decode(latent)[0] * np.float32(255)
    face = _with_lost_detail(made, patch, frame, landmarks, kept)
    u, v = face_coordinates(matrix, frame.shape)
    alpha = _square(u, v, feather) if square else outline.alpha(u, v, feather, landmarks)
    return blend(frame, face, alpha)


def latent_swap(
    autoencoder: Autoencoder,
    frame: Image,
    landmarks: Floats,
    donor: Donor,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> tuple[Image, Image]:
    """Mix the donor's face into the target's where both are latents; the decoder hides the seam.

    The donor's face is bent onto the target's landmarks and takes its colours; both faces are
    encoded, mixed by a smooth mask, and decoded as one.
    """
    side = _side(soften(rng.uniform(112, 152), 208, strength), autoencoder)
    noise = strength * rng.uniform(0.0, 0.15)
    offset = strength * rng.normal(0.0, 0.02, (5, 2))
    correction = soften(rng.uniform(0.5, 0.9), 1, strength)
    kept = soften(rng.uniform(0.2, 0.5), 1, strength)
    feather = rng.uniform(0.25, 0.5)
    outline = Outline.sample(rng, wobble=0.02, top=-0.62)

    matrix = face_to_pixels(landmarks)
    fitted = landmarks + (offset * eye_distance(landmarks)).astype(np.float32)
    theirs = bent(donor.frame, donor.landmarks, fitted, frame.shape)
    inside = outline.alpha(
        *face_coordinates(matrix, frame.shape), feather, landmarks, donor.landmarks
    )
    theirs += np.float32(correction) * (match_colour(theirs, frame, inside) - theirs)
    theirs = np.clip(theirs, 0, 255)

    patches = [to_patch(picture, matrix, side) for picture in (frame, theirs.astype(np.uint8))]
    ours, other = autoencoder.encode(np.stack(patches) / np.float32(255))
    u, v = face_coordinates(patch_matrix(side), (side, side))
    weight = outline.alpha(u, v, feather, landmarks, donor.landmarks)
    places = ours.shape[1], ours.shape[0]
    weight = np.asarray(cv2.resize(weight, places, interpolation=cv2.INTER_AREA), np.float32)
    latent = ours + weight[..., None] * (other - ours)
    latent = _shaken(latent[None], noise, frame_rng(rng, landmarks))
    made = autoencoder.decode(latent)[0] * np.float32(255)

    mixed = frame + inside[..., None] * (theirs - frame)  # what the latent is of, in pixels
    patch = to_patch(np.clip(mixed, 0, 255).astype(np.uint8), matrix, side)
    face = _with_lost_detail(made, patch, mixed, landmarks, 0.6 * kept)
    around = replace(outline, top=outline.top - 0.25, width=1.15 * outline.width)
    alpha = around.alpha(*face_coordinates(matrix, frame.shape), 0.2, landmarks, donor.landmarks)
    return blend(frame, face, np.maximum(alpha, inside))


LEARNED: dict[str, Callable[..., tuple[Image, Image]]] = {"twin": twin, "latent_swap": latent_swap}
"""The forgeries that need an autoencoder, their first argument, by name."""

ALL_FORGERIES = (*FORGERIES, *LEARNED)
"""The names of all; the order is fixed, because seeds count along it."""


def forgery_of(name: str, source: Source | None) -> Forgery:
    """Return the forgery of this name; learned ones with their autoencoder, which must be given."""
    if name in FORGERIES:
        return FORGERIES[name]
    assert source is not None, "a plan with learned forgeries has an autoencoder"
    return partial(LEARNED[name], source.load())


def _side(pixels: float, autoencoder: Autoencoder) -> int:
    """The nearest side of a patch that an autoencoder can take."""
    return autoencoder.stride * round(pixels / autoencoder.stride)


def _shaken(latent: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """The latent with Gaussian noise, ``noise`` of each channel's own deviation."""
    spread = latent.std(axis=(0, 1, 2), keepdims=True)
    shaken = latent + np.float32(noise) * spread * rng.standard_normal(latent.shape, np.float32)
    return np.asarray(shaken, np.float32)


def _with_lost_detail(
    made: Floats, patch: Floats, picture: Floats | Image, landmarks: Floats, kept: float
) -> Floats:
    """Put a decoded patch into the picture's place, with some of what the way there has lost.

    ``patch`` is what was encoded and ``picture`` (H, W, 3) where it was sampled: of what sampling
    took, all comes back as far as ``kept`` says; of what the decoder took, nothing.
    """
    matrix = face_to_pixels(landmarks)
    decoded, sampled = (
        from_patch(part, matrix, picture.shape, cv2.INTER_CUBIC) for part in (made, patch)
    )
    return np.asarray(decoded + np.float32(kept) * (picture - sampled), np.float32)


def _square(u: Floats, v: Floats, feather: float) -> Floats:
    """The weight of a whole patch, falling to 0 at its edges (`ltw.synth.warp.patch_matrix`)."""
    inward = np.minimum(1.5 - np.abs(u), 1.5 - np.abs(v - np.float32(0.6))) / (1.5 * feather)
    weight = np.clip(inward, 0, 1)
    return np.asarray(weight * weight * (3 - 2 * weight), np.float32)
