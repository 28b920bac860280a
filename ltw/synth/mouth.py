"""The mouth of one frame: speech and smiles warp the lips and the jaw over teeth and tongue."""

from __future__ import annotations

import cv2
import numpy as np

from ltw.synth.expression import Expression, mix, window
from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, bump, lip_curves, locate, step

DROP = 0.20
"""How far the lower lip falls when the mouth is wide open, in face units."""

SAG = 0.14
"""Share of that which the corners follow."""

LIFT = 0.045
"""How far a full smile lifts the corners."""


def _stretch(look: Expression) -> float:
    """Relative widening of the mouth."""
    return 0.16 * look.wide + 0.14 * look.smile - 0.05 * look.open


def mouth_corner(person: Person, side: float, look: Expression) -> tuple[float, float]:
    """Where a corner of the mouth is under an expression, in face units."""
    at = locate(person)
    return (
        side * 0.96 * at.mouth_half * (1 + _stretch(look)),
        at.mouth_y - 0.008 - LIFT * look.smile + SAG * DROP * look.open,
    )


def _interior(person: Person, x: Map, y: Map, roof: Map, floor: Map, light: Map) -> Map:
    """Teeth, tongue and the dark between an open mouth's lips (linear light)."""
    at = locate(person)
    mouth = np.empty((*x.shape, 3), np.float32)
    mouth[:] = (0.035, 0.012, 0.010)
    tongue = bump(x, y, 0, at.mouth_y + 0.17, 0.14, 0.045)
    mix(mouth, np.array([0.20, 0.065, 0.06], np.float32), 0.8 * tongue)
    edge = at.mouth_y + 0.026 - 0.16 * x**2
    cell = np.abs(((x / 0.058) % 1) - 0.5) * 2
    gap = 1 - 0.3 * step(0.82, 1.0, cell)
    scallop = 0.008 * cell**4
    teeth = step(0.006, -0.006, y - edge + scallop) * step(0.2, 0.13, np.abs(x))
    white = (
        np.array([0.52, 0.48, 0.41], np.float32) * (gap * (1 - 7 * x**2).clip(0.2, 1))[..., None]
    )
    mix(mouth, white, teeth * 0.94)
    depth = np.exp(-np.clip(y - roof, 0, 1) / 0.015)
    return (
        mouth
        * light
        * (0.85 - 0.55 * depth - 0.2 * np.exp(-np.clip(floor - y, 0, 1) / 0.015))[..., None]
    )


def move_mouth(picture: Map, light: Map, sheet: Sheet, person: Person, look: Expression) -> None:
    """Open, stretch and smile the mouth of a lit portrait, in place; the jaw goes along."""
    at = locate(person)
    view = window(sheet, -0.72, 0.72, 0.18, at.chin_y + 0.42)
    x, y = sheet.x[view], sheet.y[view]
    near = bump(x, y, 0, at.mouth_y, 0.33, 0.2)
    xs = x / (1 + _stretch(look) * near)
    lift = LIFT * look.smile * bump(np.abs(x), y, at.mouth_half + 0.03, at.mouth_y, 0.14, 0.16)
    lift -= 0.014 * look.smile * bump(x, y, 0, at.mouth_y, 0.12, 0.08)
    ys = y + lift
    t = np.clip(np.abs(xs) / at.mouth_half, 0, 1)
    gape = np.clip(1 - t**2.4, 0, 1) ** 0.8
    drop = DROP * look.open
    rise = 0.028 * look.open
    _, seam, _ = lip_curves(person, xs)
    seam_now = seam + SAG * drop * t**2
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
    moved = np.asarray(cv2.remap(picture, columns + dx, rows + dy, cv2.INTER_LINEAR), np.float32)
    px = 1 / sheet.ppu
    hole = (
        step(-0.5 * px, 1.2 * px, ys - roof)
        * step(-0.5 * px, 1.2 * px, floor - ys)
        * step(0.02, 0.06, np.full_like(x, look.open))
        * (t < 1)
    )
    lit = np.asarray(cv2.blur(light[view], (15, 15)), np.float32)
    inner = _interior(person, xs, ys, roof, floor, lit)
    mix(moved, inner, hole)
    picture[view] = moved
