"""Geometry shared by animation and forgery: a face template and the maps between it and a picture.

*Face coordinates* (u, v) have their origin midway between the eyes and the distance between the
eyes as their unit; u points right and v down, as pixels do, whatever the head's tilt.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
"""(2, 3): maps a column (x, y, 1) to (x', y')."""

TEMPLATE = np.array(
    [[-0.5, 0.0], [0.5, 0.0], [0.0, 0.6], [-0.41, 1.13], [0.41, 1.13]], dtype=np.float64
)
"""The five landmarks of an average frontal face in face coordinates."""


def transform(matrix: Matrix, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Apply ``matrix`` to points (N, 2)."""
    moved: NDArray[np.float64] = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return moved


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Return the (2, 3) matrix that applies ``inner``, then ``outer``."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def invert(matrix: Matrix) -> Matrix:
    """Return the inverse of an affine (2, 3) matrix."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """Least-squares rotation, scale and shift that takes points (N, 2) ``source`` to ``target``."""
    z = source[:, 0].astype(np.float64) + 1j * source[:, 1]
    w = target[:, 0].astype(np.float64) + 1j * target[:, 1]
    centred = z - z.mean()
    a = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred).real
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def face_to_pixels(landmarks: NDArray[np.floating], ridge: float = 0.2) -> Matrix:
    """Map face coordinates to the picture by the landmarks (5, 2).

    A similarity plus the affine part of what it leaves over; ``ridge`` holds the affine part back,
    so that a turned face, whose landmarks almost line up, does not collapse the map.
    """
    base = similarity(TEMPLATE, landmarks)
    rest = np.asarray(landmarks, np.float64) - transform(base, TEMPLATE)
    centre = TEMPLATE.mean(axis=0)
    points = TEMPLATE - centre
    linear = np.linalg.solve(points.T @ points + ridge * np.eye(2), points.T @ rest).T
    rest_matrix: Matrix = np.column_stack([linear, -linear @ centre])
    return base + rest_matrix


def eye_distance(landmarks: NDArray[np.floating]) -> float:
    """Length of the unit of face coordinates, in pixels (from all five landmarks)."""
    a, b = similarity(TEMPLATE, landmarks)[:, 0]
    return float(np.hypot(a, b))


def nose_offset(landmarks: NDArray[np.floating]) -> float:
    """How far the nose lies right of the face's middle, in eye distances: how much it is turned."""
    upright = transform(invert(similarity(TEMPLATE, landmarks)), landmarks)
    return float(upright[2, 0] - upright[[0, 1, 3, 4], 0].mean())


def face_coordinates(matrix: Matrix, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """(u, v) of every pixel, float32 (H, W) each; ``matrix`` is `face_to_pixels`' result."""
    height, width = shape[:2]
    inverse = invert(matrix)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    u, v = (row[0] * x + row[1] * y + row[2] for row in inverse)
    return u.astype(np.float32), v.astype(np.float32)


def bump(u: Floats, v: Floats, centre: tuple[float, float], radius: tuple[float, float]) -> Floats:
    """Gaussian bump of height 1 at ``centre``, with standard deviations ``radius``, at (u, v)."""
    squares = ((u - centre[0]) / radius[0]) ** 2 + ((v - centre[1]) / radius[1]) ** 2
    return np.asarray(np.exp(-0.5 * squares), u.dtype)


def bent(
    image: NDArray[np.uint8],
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    shape: tuple[int, ...],
) -> Floats:
    """Bend ``image`` by a thin-plate spline that takes points ``source`` to ``target``.

    ``shape`` is the result's (H, W, ...); float32 (H, W, 3).
    """
    height, width = shape[:2]
    step = 8  # the spline is smooth: a coarse grid, enlarged, is exact to a fraction of a pixel
    xs, ys = np.arange(0, width + step, step), np.arange(0, height + step, step)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float64)
    coarse = RBFInterpolator(target, source, kernel="thin_plate_spline", smoothing=1.0)(grid)
    field = coarse.reshape(len(ys), len(xs), 2).astype(np.float32)
    to_grid = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
    x, y = (
        cv2.warpAffine(c, to_grid, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for c in (field[..., 0], field[..., 1])
    )
    return np.asarray(
        cv2.remap(
            image.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        ),
        np.float32,
    )


def displaced(image: NDArray[np.uint8], matrix: Matrix, du: Floats, dv: Floats) -> Floats:
    """Sample ``image`` at each pixel moved by (du, dv) in face coordinates; float32 (H, W, 3)."""
    height, width = image.shape[:2]
    (a, b, _), (c, d, _) = matrix.astype(np.float32)
    x = np.arange(width, dtype=np.float32)[None, :] + a * du + b * dv
    y = np.arange(height, dtype=np.float32)[:, None] + c * du + d * dv
    moved = cv2.remap(
        image.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.float32)


def to_patch(image: NDArray[np.uint8], matrix: Matrix, size: int) -> Floats:
    """Cut the face out, upright, as float32 (size, size, 3); see `patch_matrix`."""
    # twice the size, then averaged: a plain warp would alias where it shrinks the face
    double = cv2.warpAffine(
        image,
        compose(patch_matrix(2 * size), invert(matrix)),
        (2 * size, 2 * size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(cv2.resize(double, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def patch_matrix(size: int) -> Matrix:
    """Map face coordinates to a patch of ``size`` pixels: u in [-1.5, 1.5], v in [-0.9, 2.1]."""
    scale = size / 3.0
    return np.array([[scale, 0.0, 1.5 * scale - 0.5], [0.0, scale, 0.9 * scale - 0.5]])


def from_patch(patch: Floats, matrix: Matrix, shape: tuple[int, ...], flags: int) -> Floats:
    """Put a patch back where `to_patch` took it from; float32 (H, W, 3), edges replicated."""
    height, width = shape[:2]
    placed = cv2.warpAffine(
        patch,
        compose(matrix, invert(patch_matrix(patch.shape[0]))),
        (width, height),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(placed, np.float32)
