"""Gentle motion for a still portrait: sway, tilt, approach, a slight turn, mouth and eyelids."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.warp import (
    Floats,
    Matrix,
    bump,
    compose,
    face_coordinates,
    face_to_pixels,
    invert,
    transform,
)

AMPLITUDES = {
    "right": 0.012,  # of the frame's side
    "down": 0.010,
    "tilt": 0.035,  # radians
    "near": 0.025,  # relative to the size
    "turn": 0.06,  # shift of the nearest point, in eye distances
    "nod": 0.04,
    "lids": 0.25,  # relative to the eye's opening
    "exposure": 0.03,  # relative to the light
}
"""Typical amplitude of each motion."""


@dataclass(frozen=True)
class Sway:
    """Every motion is a sine over time, (amplitude, hertz, phase) by name; so is speech."""

    waves: dict[str, tuple[float, float, float]]
    speech: tuple[float, float, float]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sway:
        """Draw one clip's motion."""
        waves = {
            name: (
                amplitude * rng.uniform(0.4, 1.2),
                rng.uniform(0.2, 0.7),
                rng.uniform(0, 2 * np.pi),
            )
            for name, amplitude in AMPLITUDES.items()
        }
        return cls(waves, (rng.uniform(0, 0.09), rng.uniform(1.5, 3.5), rng.uniform(0, 2 * np.pi)))

    def at(self, seconds: float) -> dict[str, float]:
        """The value of every motion at one moment; ``mouth`` is the opening in eye distances."""
        values = {
            name: a * float(np.sin(2 * np.pi * f * seconds + p))
            for name, (a, f, p) in self.waves.items()
        }
        a, f, p = self.speech
        return values | {"mouth": a * float(np.sin(np.pi * f * seconds + p)) ** 2}


def take(
    photo: NDArray[np.uint8],
    landmarks: Floats,
    camera: Matrix,
    size: int,
    pose: dict[str, float],
) -> tuple[Floats, Floats]:
    """Sample one frame, (size, size, 3) in 0..255, and its landmarks (5, 2), both float32.

    ``camera`` maps ``photo`` (with its ``landmarks``) to the frame at rest; ``pose`` is from
    `Sway.at`.
    """
    face = face_to_pixels(landmarks)
    view = compose(_camera_motion(pose, size), camera)
    u, v = face_coordinates(compose(view, face), (size, size))
    du, dv = _deformation(u, v, pose)
    (a, b, c), (d, e, f) = face.astype(np.float32)
    x, y = a * (u + du) + b * (v + dv) + c, d * (u + du) + e * (v + dv) + f
    frame = cv2.remap(
        photo.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )

    # the frame at p shows the photo at p + deformation(p): solve for p, a contraction
    fixed = transform(invert(face), landmarks).astype(np.float32)
    points = fixed
    for _ in range(30):
        moved = _deformation(points[:, 0], points[:, 1], pose)
        points = fixed - np.stack(moved, axis=1)
    frame = np.asarray(frame, np.float32) * np.float32(1 + pose["exposure"])
    return frame, transform(compose(view, face), points).astype(np.float32)


def _camera_motion(pose: dict[str, float], size: int) -> Matrix:
    """Frame at rest -> moved frame: tilt and zoom around the centre, then shift."""
    # always a little nearer than at rest, so that the photograph's border stays outside
    zoom = 1.05 + pose["near"]
    cosine, sine = zoom * np.cos(pose["tilt"]), zoom * np.sin(pose["tilt"])
    linear = np.array([[cosine, -sine], [sine, cosine]])
    centre = np.full(2, (size - 1) / 2)
    shift = size * np.array([pose["right"], pose["down"]])
    return np.column_stack([linear, centre + shift - linear @ centre])


def _deformation(u: Floats, v: Floats, pose: dict[str, float]) -> tuple[Floats, Floats]:
    """How far from (u, v), in face coordinates, the photograph is sampled."""
    depth = 0.7 * bump(u, v, (0.0, 0.6), (0.7, 0.8)) + 0.3 * bump(u, v, (0.0, 0.55), (0.25, 0.35))
    jaw = bump(u, v, (0.0, 1.5), (0.5, 0.22))
    lids = bump(u, v, (-0.5, 0.0), (0.25, 0.14)) + bump(u, v, (0.5, 0.0), (0.25, 0.14))
    du = -pose["turn"] * depth
    dv = pose["lids"] * v * lids - pose["nod"] * depth - pose["mouth"] * jaw
    return np.asarray(du, np.float32), np.asarray(dv, np.float32)
