"""Eyes and mouth of one frame: gaze, blinks, speech and smiles over a lit portrait."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, bump, lip_curves, locate, step


@dataclass(frozen=True)
class Expression:
    """The face's state: lids (0 shut, 1 at rest), gaze (radians, right and down), mouth in [0, 1].

    ``open`` drops the jaw, ``wide`` (may be negative: rounded) stretches the lips, ``smile``
    lifts their corners.
    """

    lids: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    open: float = 0.0
    wide: float = 0.0
    smile: float = 0.0


def _window(sheet: Sheet, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
    (a, b), (c, d) = sheet.pixel(np.array([(x0, y0), (x1, y1)]))
    return slice(int(b), int(d) + 1), slice(int(a), int(c) + 1)


def _mix(image: Map, colour: NDArray[np.floating] | Map, cover: Map) -> None:
    """Lay a colour over an image in place."""
    image += cover[..., None] * (np.asarray(colour, np.float32) - image)


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
    at = locate(person)
    reach = at.eye_half
    view = _window(sheet, side * at.eye_x - 0.26, side * at.eye_x + 0.26, -0.2, 0.16)
    patch = picture[view]
    lit = cv2.blur(light[view], (9, 9)) * 0.92
    x = (sheet.x[view] - side * at.eye_x) * side
    y = sheet.y[view] + person.eye_tilt * x
    u = x / reach
    inside = np.clip(1 - u**2, 0, 1)
    skew = 1 - 0.22 * u
    top = -0.057 * person.eye_opening * inside**0.72 * skew
    low = 0.038 * person.eye_opening * inside**0.85 * (1 + 0.25 * u)
    shut = low * 0.75
    upper = shut + (top - shut) * np.clip(look.lids, 0, 1.25)
    px = 1 / sheet.ppu
    aperture = step(-0.6 * px, 1.0 * px, y - upper) * step(-0.6 * px, 1.0 * px, low - y)
    aperture *= step(1.0, 0.94, np.abs(u))

    # the crease follows the lid half of its way
    crease_y = top - (0.022 + 0.03 * person.lid_crease) * (inside**0.4) + 0.35 * (upper - top)
    crease = (
        np.exp(-(((y - crease_y) / 0.0085) ** 2))
        * step(1.12, 0.85, np.abs(u))
        * (0.18 + 0.3 * person.lid_crease)
    )
    lid_shade = (
        0.22
        * np.exp(-((np.clip(upper - y, 0, 1) / 0.03) ** 2))
        * (y < upper)
        * step(1.1, 0.8, np.abs(u))
    )
    below = 0.14 * np.exp(-(((y - low - 0.012) / 0.012) ** 2)) * step(1.05, 0.7, np.abs(u))
    patch *= (1 - np.clip(crease + lid_shade + below, 0, 0.8))[..., None] ** np.array(
        [0.8, 1.0, 1.05], np.float32
    )

    ball = np.array([0.47, 0.42, 0.395], np.float32) * (1 - 0.4 * u[..., None] ** 2)
    veins = 0.12 * np.clip(np.abs(u) - 0.4, 0, 1)[..., None] * np.array([0.0, 1.0, 0.9], np.float32)
    eye = (ball * (1 - veins)).astype(np.float32)
    cx = (look.gaze_x * 0.11 * side) - 0.004
    cy = look.gaze_y * 0.09 - 0.008
    ix, iy = x - cx, y - cy
    r = np.hypot(ix, iy) / 0.0565
    angle = np.arctan2(iy, ix)
    spokes = 1 + 0.22 * np.sin(angle * 23 + 5 * np.sin(angle * 7)) * step(0.3, 0.6, r)
    iris = (
        np.asarray(person.iris, np.float32)
        * (spokes * (0.8 + 0.9 * step(0.85, 0.4, r) * step(0.3, 0.5, r)))[..., None]
    )
    iris = iris * (1 + 0.7 * np.clip(iy / 0.05, -0.6, 1))[..., None]
    iris = iris * (1 - 0.75 * step(0.78, 1.0, r))[..., None] + 0.004
    _mix(eye, iris, step(1.09, 0.93, r))
    _mix(eye, np.float32([0.004, 0.004, 0.004]), step(0.42, 0.32, r))
    caruncle = bump(u, y, -0.93, 0.008, 0.09, 0.012)
    _mix(
        eye,
        np.asarray(person.skin, np.float32) * np.array([0.9, 0.55, 0.5], np.float32),
        0.8 * caruncle,
    )
    lid_shadow = 1 - 0.62 * np.exp(-np.clip(y - upper, 0, 1) / 0.02)
    eye *= lid_shadow[..., None] * (1 - 0.25 * np.exp(-np.clip(low - y, 0, 1) / 0.008))[..., None]
    eye *= lit
    gx, gy, strength = glint
    spot = np.exp(-((((ix * side) - 0.02 * gx) ** 2 + (iy - 0.022 * gy) ** 2) / 0.0075**2))
    soft = 0.10 * bump(ix * side, iy, -0.02 * gx, 0.02, 0.02, 0.012)
    eye += (strength * (0.85 * spot + 0.3 * soft) * step(1.3, 0.9, r))[..., None] * (
        y > upper + 0.004
    )[..., None]
    _mix(patch, eye, aperture)

    rim = np.exp(-(((y - low) / 0.006) ** 2)) * step(0.98, 0.8, np.abs(u)) * 0.5
    _mix(
        patch,
        np.asarray(person.skin, np.float32) * np.array([1.0, 0.75, 0.72], np.float32) * lit,
        0.45 * rim,
    )
    lash = (
        np.exp(-(((y - upper + 0.004) / (0.0085 + 0.004 * np.clip(u, 0, 1))) ** 2))
        * step(1.08, 0.93, np.abs(u))
        * (0.62 + 0.3 * u)
    )
    lash *= 0.72 + 0.28 * person.femininity + 0.2 * person.makeup
    wing = (
        np.exp(-(((y - upper + 0.014 - 0.0) / 0.012) ** 2))
        * step(0.1, 0.9, u)
        * step(1.2, 1.0, u)
        * (0.2 + 0.4 * person.femininity)
    )
    bottom = (
        0.25
        * np.exp(-(((y - low - 0.008) / 0.006) ** 2))
        * step(-0.4, 0.6, u)
        * step(1.0, 0.9, u)
        * (0.4 + person.makeup)
    )
    _mix(patch, np.float32([0.012, 0.009, 0.008]), np.clip(lash + wing + bottom, 0, 0.93))


def mouth_corner(person: Person, side: float, look: Expression) -> tuple[float, float]:
    """Where a corner of the mouth is under an expression, in face units."""
    at = locate(person)
    return (
        side * at.mouth_half * (1 + 0.16 * look.wide + 0.14 * look.smile - 0.05 * look.open),
        at.mouth_y - 0.008 - 0.045 * look.smile + 0.35 * 0.20 * look.open * 0.4,
    )


def _interior(
    person: Person, sheet: Sheet, x: Map, y: Map, roof: Map, floor: Map, light: Map
) -> Map:
    """Teeth, tongue and the dark between an open mouth's lips (linear light)."""
    at = locate(person)
    mouth = np.empty((*x.shape, 3), np.float32)
    mouth[:] = (0.035, 0.012, 0.010)
    tongue = bump(x, y, 0, at.mouth_y + 0.17, 0.14, 0.045)
    _mix(mouth, np.float32([0.20, 0.065, 0.06]), 0.8 * tongue)
    edge = at.mouth_y + 0.026 - 0.16 * x**2
    cell = np.abs(((x / 0.058) % 1) - 0.5) * 2
    gap = 1 - 0.3 * step(0.82, 1.0, cell)
    scallop = 0.008 * cell**4
    teeth = step(0.006, -0.006, y - edge + scallop) * step(0.2, 0.13, np.abs(x))
    white = (
        np.array([0.52, 0.48, 0.41], np.float32) * (gap * (1 - 7 * x**2).clip(0.2, 1))[..., None]
    )
    _mix(mouth, white, teeth * 0.94)
    depth = np.exp(-np.clip(y - roof, 0, 1) / 0.015)
    return (
        mouth
        * light
        * (0.85 - 0.55 * depth - 0.2 * np.exp(-np.clip(floor - y, 0, 1) / 0.015))[..., None]
    )


def move_mouth(picture: Map, light: Map, sheet: Sheet, person: Person, look: Expression) -> None:
    """Open, stretch and smile the mouth of a lit portrait, in place; the jaw goes along."""
    at = locate(person)
    view = _window(sheet, -0.72, 0.72, 0.18, at.chin_y + 0.42)
    x, y = sheet.x[view], sheet.y[view]
    near = bump(x, y, 0, at.mouth_y, 0.33, 0.2)
    stretch = 0.16 * look.wide + 0.14 * look.smile - 0.05 * look.open
    xs = x / (1 + stretch * near)
    lift = 0.045 * look.smile * bump(np.abs(x), y, at.mouth_half + 0.03, at.mouth_y, 0.14, 0.16)
    lift -= 0.014 * look.smile * bump(x, y, 0, at.mouth_y, 0.12, 0.08)
    ys = y + lift
    t = np.clip(np.abs(xs) / at.mouth_half, 0, 1)
    gape = np.clip(1 - t**2.4, 0, 1) ** 0.8
    drop = 0.20 * look.open
    rise = 0.028 * look.open
    _, seam, _ = lip_curves(person, xs)
    corner = 0.4 * 0.35 * drop
    seam_now = seam + corner * t**2
    roof = seam_now - rise * gape
    floor = seam_now + 0.75 * drop * gape
    jaw = drop * np.exp(-((x / 0.48) ** 4)) * step(at.chin_y + 0.4, at.chin_y, y)
    below = step(0.0, 0.2, ys - floor)
    shift_low = (floor - seam) * (1 - below) + (0.8 * jaw) * below
    above = np.exp(-np.clip(roof - ys, 0, 1) / 0.09)
    shift_up = (roof - seam) * above
    source_y = np.where(ys > 0.5 * (roof + floor), ys - shift_low, ys - shift_up)
    dx = (xs - x) * sheet.ppu
    dy = (source_y - y) * sheet.ppu
    columns, rows = np.meshgrid(
        np.arange(view[1].start, view[1].stop, dtype=np.float32),
        np.arange(view[0].start, view[0].stop, dtype=np.float32),
    )
    moved = cv2.remap(picture, columns + dx, rows + dy, cv2.INTER_LINEAR)
    px = 1 / sheet.ppu
    hole = (
        step(-0.5 * px, 1.2 * px, ys - roof)
        * step(-0.5 * px, 1.2 * px, floor - ys)
        * step(0.02, 0.06, np.full_like(x, look.open))
        * (t < 1)
    )
    inner = _interior(person, sheet, xs, ys, roof, floor, cv2.blur(light[view], (15, 15)))
    _mix(moved, inner, hole)
    picture[view] = moved
