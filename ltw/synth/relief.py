"""The shape of a head: a relief over the frontal plane, from which shading and motion follow.

All lengths are in *face units*: the distance from the eye line to the chin. The origin lies
between the eyes, x grows to the right of the picture, y downward, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from ltw.synth.identity import Person

Map = NDArray[np.floating]
"""Values over a plane of pixels: float32 where kept, on the way also float64."""

X_RANGE = (-1.95, 1.95)
Y_RANGE = (-1.75, 2.15)


def bump(x: Map, y: Map, cx: float | Map, cy: float, sx: float, sy: float) -> Map:
    """Gaussian of height 1; its middle ``cx`` may differ from place to place."""
    return np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


def step(edge0: float, edge1: float, v: Map) -> Map:
    """Smooth step from 0 at ``edge0`` to 1 at ``edge1``."""
    t: Map = np.clip((v - edge0) / (edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def blur(image: Map, sigma: float) -> Map:
    """Gaussian blur, sigma in pixels."""
    return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)).astype(np.float32)


def look_up(image: Map, column: Map, row: Map) -> Map:
    """Values of a map between its pixels; beyond its border, those at the border."""
    return cv2.remap(image, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32, copy=False
    )


def fractal(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3) -> Map:
    """Smooth noise of about unit deviation; the coarsest cell is ``cell`` pixels."""
    total = np.zeros(shape, np.float32)
    norm = 0.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        grid = rng.standard_normal((int(shape[0] / size) + 3, int(shape[1] / size) + 3))
        weight = 0.6**octave
        total += weight * cv2.resize(
            grid.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC
        )
        norm += weight**2
    return total / np.float32(0.65 * np.sqrt(norm))


@dataclass(frozen=True)
class Sheet:
    """The frontal plane as pixels: ``ppu`` pixels a face unit, and the face coordinates of each.

    ``x``, ``y`` are bent a little against the pixel grid, differently for everyone: whatever is
    drawn in them is as asymmetric as faces are. `pixel` leads from them back to the grid.
    """

    ppu: float
    x: Map
    y: Map
    bend: Map

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.x.shape
        return rows, columns

    def pixel(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixel positions (n, 2) of face coordinates (n, 2)."""
        flat = np.asarray(points, np.float64)
        at = np.empty_like(flat)
        at[:, 0] = (flat[:, 0] - X_RANGE[0]) * self.ppu
        at[:, 1] = (flat[:, 1] - Y_RANGE[0]) * self.ppu
        rows, columns = self.shape
        c = np.clip(at[:, 0], 0, columns - 1).astype(int)
        r = np.clip(at[:, 1], 0, rows - 1).astype(int)
        at -= self.bend[r, c] * self.ppu
        return at


def make_sheet(ppu: float, rng: np.random.Generator) -> Sheet:
    """Lay out the plane with a random asymmetry of about one hundredth of the face."""
    columns = round((X_RANGE[1] - X_RANGE[0]) * ppu)
    rows = round((Y_RANGE[1] - Y_RANGE[0]) * ppu)
    x, y = np.meshgrid(
        np.arange(columns, dtype=np.float32) / np.float32(ppu) + np.float32(X_RANGE[0]),
        np.arange(rows, dtype=np.float32) / np.float32(ppu) + np.float32(Y_RANGE[0]),
    )
    bend = np.stack([fractal(rng, x.shape, 0.55 * ppu, 1) for _ in range(2)], axis=-1)
    bend *= np.array([0.006, 0.006], np.float32)
    return Sheet(ppu, x + bend[..., 0], y + bend[..., 1], bend)


@dataclass(frozen=True)
class Landmarks:
    """Where this person's features are, in face units."""

    eye_x: float
    eye_half: float
    brow_y: float
    nose_tip: float
    nose_base: float
    mouth_y: float
    mouth_half: float
    chin_y: float


def locate(person: Person) -> Landmarks:
    """Place the features."""
    base = 0.41 * person.nose_length
    mouth = (base + 0.185) * person.mouth_height
    return Landmarks(
        eye_x=0.288 * person.eye_spacing * (0.5 + 0.5 * person.face_width),
        eye_half=0.142 * person.eye_width,
        brow_y=-0.19 * person.brow_height,
        nose_tip=base - 0.075,
        nose_base=base,
        mouth_y=mouth,
        mouth_half=0.26 * person.mouth_width,
        chin_y=person.chin_length,
    )


def outline(person: Person) -> NDArray[np.float64]:
    """The bare head's contour, clockwise from the top: (n, 2) in face units."""
    jaw, chin, end = person.jaw_width, person.chin_width, person.chin_length
    full = 1 + 0.07 * (person.fullness - 0.5)
    y = np.array([-1.0, -0.93, -0.78, -0.5, -0.2, 0.1, 0.38, 0.62, 0.82, 0.93, 0.99, 1.015])
    w = np.array([0.0, 0.33, 0.515, 0.63, 0.645, 0.635, 0.59, 0.51, 0.35, 0.215, 0.11, 0.0])
    w = w * person.face_width
    w[5:] *= np.array([1.0, jaw * full, jaw * full, 0.5 * (jaw + chin) * full, chin, chin, 1.0])
    y[6:] = 0.38 + (y[6:] - 0.38) * (end - 0.38) / 0.635
    # the curve is smooth in its own length, not in y, where it is steep at both ends
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(w), np.diff(y)))])
    t = np.linspace(0, length[-1], 120)
    right = np.stack([PchipInterpolator(length, w)(t), PchipInterpolator(length, y)(t)], axis=1)
    left = right[::-1] * np.array([-1.0, 1.0])
    return np.concatenate([right, left])


def fill(sheet: Sheet, polygon: NDArray[np.floating], soft: float = 0.6) -> Map:
    """Coverage of a polygon given in face units: 0 to 1, edge softened by ``soft`` pixels."""
    mask = np.zeros(sheet.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(sheet.pixel(polygon) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return blur(mask.astype(np.float32) / 255, soft)


def inflate(sheet: Sheet, mask: Map, radius: float) -> Map:
    """Round pillow over a mask: 0 at its edge, 1 from ``radius`` inward."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / sheet.ppu
    t = np.clip(distance / radius, 0, 1)
    return blur(np.sqrt(1 - (1 - t) ** 2).astype(np.float32), 0.02 * sheet.ppu)


def lip_curves(person: Person, x: Map) -> tuple[Map, Map, Map]:
    """Upper edge, seam and lower edge of the closed lips at each x (y in face units)."""
    at = locate(person)
    t = np.clip(np.abs(x) / at.mouth_half, 0, 1)
    taper = np.sqrt(np.clip(1 - t**2.2, 0, 1))
    bow = 1 + 0.16 * np.exp(-(((t - 0.2) / 0.13) ** 2)) - 0.14 * np.exp(-((t / 0.12) ** 2))
    seam = at.mouth_y - 0.010 * t**2 - 0.008 * np.exp(-(((t - 0.25) / 0.2) ** 2))
    upper = seam - 0.06 * person.upper_lip * taper * (1 - 0.3 * t) * bow
    lower = seam + 0.082 * person.lower_lip * taper**1.5
    return upper, seam, lower


def _nose(person: Person, x: Map, y: Map) -> Map:
    at = locate(person)
    heights = PchipInterpolator(
        [
            -0.5,
            -0.24,
            -0.05,
            0.5 * at.nose_tip,
            at.nose_tip - 0.015,
            at.nose_base + 0.005,
            at.nose_base + 0.08,
            2,
        ],
        [0, 0.015, 0.055 * person.nose_bridge, 0.12, 0.165, 0.06, 0.0, 0],
    )
    widths = PchipInterpolator(
        [-0.5, -0.05, 0.5 * at.nose_tip, at.nose_tip, at.nose_base + 0.1],
        [0.12, 0.055, 0.062, 0.072, 0.07],
    )
    # the sides of the tip end higher than its middle
    line = np.clip(y + 2.2 * np.minimum(x**2, 0.02), -0.5, at.nose_base + 0.1)
    table = np.linspace(-0.5, at.nose_base + 0.1, 256)
    h = np.interp(line, table, heights(table)) * person.nose_height
    w = np.interp(line, table, widths(table)) * person.nose_width
    nose = h * np.exp(-0.5 * np.abs(x / w) ** 2)
    ala = 0.118 * person.nose_width
    ax = np.abs(x)
    nose += 0.062 * bump(ax, y, 0.9 * ala, at.nose_base - 0.052, 0.042, 0.04)
    nose += 0.07 * bump(x, y, 0, at.nose_tip + 0.005, 0.072 * person.nose_width, 0.056)
    nose -= 0.012 * bump(ax, y, ala + 0.055, at.nose_base - 0.04, 0.02, 0.045)
    nose -= 0.03 * bump(ax, y, 0.06 * person.nose_width, at.nose_base - 0.006, 0.03, 0.014)
    return blur(nose.astype(np.float32), 0.01 * x.shape[1] / (X_RANGE[1] - X_RANGE[0]))


def face_relief(person: Person, sheet: Sheet, mask: Map) -> Map:
    """Height of the face's surface, without hair."""
    x, y = sheet.x, sheet.y
    ax = np.abs(x)
    at = locate(person)
    ball = 1 - (x / 0.82) ** 2 - ((y - 0.0) / 1.35) ** 2
    z = 0.62 * np.sqrt(np.clip(ball, 0.01, None)) + 0.24 * inflate(sheet, mask, 0.34)
    eye = at.eye_x
    z -= 0.085 * bump(ax, y, eye, -0.035, 0.15, 0.085)
    z -= 0.05 * bump(ax, y, 0.14, -0.03, 0.05, 0.07)
    z += 0.06 * bump(ax, y, eye, 0.0, 0.105, 0.062)
    z += 0.05 * person.brow_ridge * bump(ax, y, eye - 0.03, at.brow_y + 0.03, 0.17, 0.05)
    z += 0.05 * person.cheekbones * bump(ax, y, 0.38, 0.2, 0.13, 0.1)
    z += 0.05 * person.fullness * bump(ax, y, 0.3, 0.45, 0.15, 0.17)
    z -= 0.06 * (1 - person.fullness) * bump(ax, y, 0.43, 0.5, 0.09, 0.15)
    z -= 0.03 * bump(ax, y, 0.58, -0.2, 0.1, 0.2)  # temples
    z += 0.05 * bump(x, y, 0, at.mouth_y, 0.25, 0.16)
    z += _nose(person, x, y)
    philtrum = 0.5 * (at.nose_base + at.mouth_y) - 0.02
    z -= 0.010 * bump(x, y, 0, philtrum, 0.018, 0.045)
    z += 0.008 * bump(ax, y, 0.042, philtrum, 0.014, 0.05)
    z += _lips(person, x, y)
    z -= 0.035 * bump(x, y, 0, 0.5 * (at.mouth_y + at.chin_y) - 0.03, 0.15, 0.035)
    z += 0.075 * bump(x, y, 0, at.chin_y - 0.12, 0.14 * person.chin_width, 0.08)
    return np.asarray(z, np.float32)


def _lips(person: Person, x: Map, y: Map) -> Map:
    at = locate(person)
    upper, seam, lower = lip_curves(person, x)
    inside = (np.abs(x) < at.mouth_half).astype(np.float32)
    s = np.clip((y - upper) / np.maximum(seam - upper, 0.004), 0, 1)
    t = np.clip((y - seam) / np.maximum(lower - seam, 0.004), 0, 1)
    # the skin rises to the upper lip's border, the lip itself falls back to the seam
    swell = 0.026 * np.where(y < upper, np.exp((y - upper) / 0.04), 1 - 0.6 * s) * (y <= seam)
    swell = swell + 0.034 * np.sin(np.pi * t**0.8) * (y > seam)
    crease = (
        0.03
        * np.exp(-(((y - seam) / 0.012) ** 2))
        * bump(x, y, 0, at.mouth_y, at.mouth_half * 0.75, 1)
    )
    corner = 0.014 * bump(np.abs(x), y, at.mouth_half, at.mouth_y + 0.01, 0.028, 0.028)
    return np.asarray(swell * inside - crease - corner, np.float32)
