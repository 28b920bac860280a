"""The eyes of one frame: eyeball, lids and lashes under a gaze and a blink."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ltw.synth.expression import Expression, mix, window
from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, bump, locate, step

SCLERA = np.array([0.47, 0.42, 0.395], np.float32)
IRIS_RADIUS = 0.0565


@dataclass(frozen=True)
class _Opening:
    """One eye's surroundings: ``x`` outward and ``y`` down from its middle, in face units.

    ``u`` is x over half the eye's width; ``top`` and ``low`` are the lids' edges when open,
    ``upper`` where the upper lid is now.
    """

    x: Map
    y: Map
    u: Map
    top: Map
    upper: Map
    low: Map

    def line(self, below: Map, width: float | Map, ends: tuple[float, float]) -> Map:
        """A soft line along the curve ``below``, fading out between two |u|."""
        along = np.exp(-(((self.y - below) / width) ** 2))
        return (along * step(ends[1], ends[0], np.abs(self.u))).astype(np.float32)


def _opening(
    person: Person, sheet: Sheet, view: tuple[slice, slice], side: float, lids: float
) -> _Opening:
    at = locate(person)
    x = (sheet.x[view] - side * at.eye_x) * side
    y = sheet.y[view] + person.eye_tilt * x
    u = x / at.eye_half
    inside = np.clip(1 - u**2, 0, 1)
    top = -0.057 * person.eye_opening * inside**0.72 * (1 - 0.22 * u)
    low = 0.038 * person.eye_opening * inside**0.85 * (1 + 0.25 * u)
    shut = 0.75 * low
    return _Opening(x, y, u, top, shut + (top - shut) * np.clip(lids, 0, 1.25), low)


def _fold_lids(patch: Map, eye: _Opening, person: Person) -> None:
    """Darken the crease of the upper lid, the lid itself and the edge of the lower one."""
    # the crease follows the lid a third of its way
    away = 0.022 + 0.03 * person.lid_crease
    crease = eye.top - away * np.clip(1 - eye.u**2, 0, 1) ** 0.4 + 0.35 * (eye.upper - eye.top)
    dark = (0.18 + 0.3 * person.lid_crease) * eye.line(crease, 0.0085, (0.85, 1.12))
    lid = eye.line(np.minimum(eye.upper, eye.y), 1.0, (0.8, 1.1)) * (eye.y < eye.upper)
    dark += 0.22 * lid * np.exp(-((np.clip(eye.upper - eye.y, 0, 1) / 0.03) ** 2))
    dark += 0.14 * eye.line(eye.low + 0.012, 0.012, (0.7, 1.05))
    patch *= (1 - np.clip(dark, 0, 0.8))[..., None] ** np.array([0.8, 1.0, 1.05], np.float32)


def _iris(person: Person, radius: Map, angle: Map, down: Map) -> Map:
    """Colour of the iris: fibres, a lighter middle, light gathered below, a dark rim."""
    fibres = 1 + 0.22 * np.sin(angle * 23 + 5 * np.sin(angle * 7)) * step(0.3, 0.6, radius)
    ring = 0.85 + 0.6 * step(0.85, 0.4, radius) * step(0.3, 0.5, radius)
    gathered = 1 + 0.45 * np.clip(down / 0.05, -0.6, 1)
    rim = 1 - 0.75 * step(0.78, 1.0, radius)
    shade: Map = fibres * ring * gathered * rim
    return np.asarray(person.iris, np.float32) * shade[..., None] + 0.004


def _eyeball(
    eye: _Opening,
    person: Person,
    side: float,
    look: Expression,
    glint: tuple[float, float, float],
    lit: Map,
) -> Map:
    """What is seen between the lids, linear light."""
    edge = np.clip(np.abs(eye.u) - 0.4, 0, 1)[..., None] * np.array([0, 0.12, 0.108], np.float32)
    ball = (SCLERA * (1 - 0.4 * eye.u[..., None] ** 2) * (1 - edge)).astype(np.float32)
    right = eye.x - look.gaze_x * 0.11 * side + 0.004
    down = eye.y - look.gaze_y * 0.09 + 0.008
    radius = np.hypot(right, down) / IRIS_RADIUS
    mix(ball, _iris(person, radius, np.arctan2(down, right), down), step(1.09, 0.93, radius))
    mix(ball, np.full(3, 0.004, np.float32), step(0.42, 0.32, radius))
    flesh = np.asarray(person.skin, np.float32) * np.array([0.9, 0.55, 0.5], np.float32)
    mix(ball, flesh, 0.8 * bump(eye.u, eye.y, -0.93, 0.008, 0.09, 0.012))
    shadow = 1 - 0.62 * np.exp(-np.clip(eye.y - eye.upper, 0, 1) / 0.02)
    shadow *= 1 - 0.25 * np.exp(-np.clip(eye.low - eye.y, 0, 1) / 0.008)
    ball *= shadow[..., None] * lit
    gx, gy, strength = glint
    spot = np.exp(-(((right * side - 0.02 * gx) ** 2 + (down - 0.022 * gy) ** 2) / 0.0075**2))
    wet = 0.85 * spot + 0.03 * bump(right * side, down, -0.02 * gx, 0.02, 0.02, 0.012)
    wet *= step(1.3, 0.9, radius) * (eye.y > eye.upper + 0.004)
    return ball + strength * wet[..., None]


def _lashes(eye: _Opening, person: Person) -> Map:
    """Coverage of the lashes of both lids; they thicken outward."""
    u = eye.u
    upper = eye.line(eye.upper - 0.004, 0.0085 + 0.004 * np.clip(u, 0, 1), (0.93, 1.08))
    upper *= (0.62 + 0.3 * u) * (0.72 + 0.28 * person.femininity + 0.2 * person.makeup)
    wing = eye.line(eye.upper - 0.014, 0.012, (1.0, 1.2)) * step(0.1, 0.9, u)
    lower = eye.line(eye.low + 0.008, 0.006, (0.9, 1.0)) * step(-0.4, 0.6, u)
    cover = upper + (0.2 + 0.4 * person.femininity) * wing + 0.25 * (0.4 + person.makeup) * lower
    return np.clip(cover, 0, 0.93).astype(np.float32)


def draw_eye(
    picture: Map,
    light: Map,
    glint: tuple[float, float, float],
    sheet: Sheet,
    person: Person,
    side: float,
    look: Expression,
) -> None:
    """Paint the eye at ``side`` (-1 left in the picture) into ``picture`` (linear light), in place.

    ``light`` is the irradiance on the skin, of the same shape; ``glint`` the direction of the key
    light (x, y) and its strength.
    """
    middle = side * locate(person).eye_x
    view = window(sheet, middle - 0.26, middle + 0.26, -0.2, 0.16)
    patch = picture[view]
    lit = cv2.blur(light[view], (9, 9)) * 0.92
    eye = _opening(person, sheet, view, side, look.lids)
    px = 1 / sheet.ppu
    aperture = step(-0.6 * px, px, eye.y - eye.upper) * step(-0.6 * px, px, eye.low - eye.y)
    _fold_lids(patch, eye, person)
    ball = _eyeball(eye, person, side, look, glint, lit)
    mix(patch, ball, aperture * step(1.0, 0.94, np.abs(eye.u)))
    rim = np.asarray(person.skin, np.float32) * np.array([1.0, 0.75, 0.72], np.float32) * lit
    mix(patch, rim, 0.225 * eye.line(eye.low, 0.006, (0.8, 0.98)))
    mix(patch, np.array([0.012, 0.009, 0.008], np.float32), _lashes(eye, person))
