"""The colour and the fine relief of skin: blotches, pores, freckles, wrinkles, stubble, lips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, blur, bump, fractal, lip_curves, locate, step

BLOOD = np.array([0.0, -0.46, -0.30], np.float32)
"""What more blood does to the logarithm of reflectance."""

MELANIN = np.array([-0.6, -0.82, -1.0], np.float32)
"""What more pigment does to it."""


NOISE_CELLS = ((0.16, 3), (0.6, 2), (0.022, 2))
"""Coarsest cell, in face units, and octaves of the blotches, the drifts and the grain."""


def strokes(
    sheet: Sheet, lines: list[NDArray[np.floating]], weights: list[float], width: float
) -> Map:
    """Soft curves (each (n, 2)) that fade out at their ends; all in face units."""
    canvas = np.zeros(sheet.shape, np.float32)
    for line, weight in zip(lines, weights, strict=True):
        points = np.round(sheet.pixel(line) * 16).astype(np.int32)
        n = len(points) - 1
        layer = np.zeros(sheet.shape, np.uint8)
        for k in range(n):
            fade = np.sin(np.pi * (k + 0.5) / n) ** 0.7
            cv2.line(layer, points[k], points[k + 1], int(255 * fade), 1, cv2.LINE_AA, 4)
        canvas = np.maximum(canvas, layer.astype(np.float32) * np.float32(weight / 255))
    sigma = width * sheet.ppu
    return blur(canvas, sigma) * np.float32(np.sqrt(2 * np.pi) * max(sigma, 0.4))


def _curve(points: list[tuple[float, float]], n: int = 24) -> NDArray[np.float64]:
    """A smooth curve through three or four points (a polynomial in its parameter)."""
    given = np.array(points)
    t = np.linspace(0, 1, len(given))
    fine = np.linspace(0, 1, n)
    return np.stack(
        [np.polyval(np.polyfit(t, given[:, c], len(given) - 1), fine) for c in range(2)], axis=1
    )


def wrinkles(person: Person, sheet: Sheet, rng: np.random.Generator) -> Map:
    """Depth of folds and lines: everyone has some, age deepens them."""
    at = locate(person)
    old = np.clip((person.age - 0.25) / 0.75, 0, 1)
    fine: list[NDArray[np.floating]] = []
    fine_weight: list[float] = []
    broad: list[NDArray[np.floating]] = []
    broad_weight: list[float] = []
    for k in range(4):  # forehead
        y = -0.33 - 0.075 * k + rng.normal(0, 0.01)
        w = rng.uniform(0.2, 0.36)
        cx = rng.normal(0, 0.04)
        sag = rng.normal(0.015, 0.012)
        fine.append(
            _curve([(cx - w, y - sag), (cx - w / 3, y + sag), (cx + w / 3, y), (cx + w, y - sag)])
        )
        fine_weight.append(float(0.8 * old * rng.uniform(0.5, 1)))
    for side in (-1.0, 1.0):
        ala, corner = 0.165 * person.nose_width, at.mouth_half + 0.045
        fold = [
            (side * ala, at.nose_base - 0.075),
            (side * (ala + 0.06), at.nose_base + 0.03),
            (side * corner, at.mouth_y - 0.01),
        ]
        broad.append(_curve(fold))
        broad_weight.append(float(0.35 + 0.75 * old + 0.2 * person.fullness))
        bag = [
            (side * 0.15, 0.05),
            (side * (at.eye_x - 0.03), 0.115),
            (side * (at.eye_x + 0.12), 0.085),
        ]
        broad.append(_curve(bag))
        broad_weight.append(0.25 + 0.7 * person.eye_bags)
        drop = [
            (side * (at.mouth_half + 0.02), at.mouth_y + 0.02),
            (side * (at.mouth_half + 0.04), at.mouth_y + 0.09),
            (side * (at.mouth_half + 0.03), at.mouth_y + 0.16),
        ]
        broad.append(_curve(drop))
        broad_weight.append(float(0.75 * old))
        for k in range(4):  # crow's feet
            x0 = at.eye_x + at.eye_half + 0.035
            y0 = -0.02 + 0.022 * k
            spread = (k - 1.3) * 0.035 + rng.normal(0, 0.008)
            fine.append(
                _curve(
                    [
                        (side * x0, y0),
                        (side * (x0 + 0.05), y0 + 0.5 * spread),
                        (side * (x0 + 0.095), y0 + 1.2 * spread),
                    ]
                )
            )
            fine_weight.append(float(0.8 * old * rng.uniform(0.5, 1)))
        frown = 0.035 + rng.normal(0, 0.006)
        fine.append(
            _curve(
                [
                    (side * frown, -0.24),
                    (side * (frown - 0.004), -0.19),
                    (side * (frown + 0.004), -0.14),
                ]
            )
        )
        fine_weight.append(float(0.8 * old))
    return 0.006 * strokes(sheet, fine, fine_weight, 0.006) + 0.013 * strokes(
        sheet, broad, broad_weight, 0.022
    )


def _spots(
    sheet: Sheet, rng: np.random.Generator, n: int, radius: tuple[float, float], area: Map
) -> Map:
    """Soft dots at random places of an area (a weight map)."""
    layer = np.zeros(sheet.shape, np.float32)
    odds = np.clip(area, 0, None).ravel().astype(np.float64)
    if n == 0 or odds.sum() == 0:
        return layer
    where = rng.choice(odds.size, size=n, p=odds / odds.sum())
    for index in where:
        r = rng.uniform(*radius) * sheet.ppu
        row, column = divmod(int(index), sheet.shape[1])
        reach = int(3 * r) + 2
        window = np.s_[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ]
        rows, columns = np.mgrid[window]
        distance = np.hypot(rows - row, (columns - column) * rng.uniform(0.8, 1.25))
        spot = rng.uniform(0.4, 1) * np.exp(-((distance / max(r, 0.5)) ** 2))
        layer[window] = np.maximum(layer[window], spot.astype(np.float32))
    return layer


def beard_area(person: Person, sheet: Sheet) -> Map:
    """Where a beard grows: jaw, chin and moustache, not the lips; 0 to 1."""
    at = locate(person)
    x, y = sheet.x, sheet.y
    ax = np.abs(x)
    cheek_line = (
        at.mouth_y - 0.1 - 1.1 * np.clip(ax - 0.33, 0, None) + 0.25 * np.clip(0.3 - ax, 0, 0.3)
    )
    jaw = step(-0.05, 0.09, y - cheek_line)
    moustache = (
        step(at.nose_base + 0.02, at.nose_base + 0.06, y)
        * step(0.3, 0.23, ax)
        * step(at.mouth_y + 0.2, at.mouth_y + 0.1, y)
    )
    area = np.maximum(jaw, moustache)
    area *= step(at.chin_y + 0.17, at.chin_y + 0.0, y)
    upper, _, lower = lip_curves(person, x)
    lips = step(-0.025, 0.0, y - upper) * step(0.02, -0.005, y - lower) * (ax < at.mouth_half)
    soul = 1 - 0.6 * bump(ax, y, 0.09, at.mouth_y + 0.13, 0.035, 0.03)
    return (area * (1 - lips) * soul).astype(np.float32)


def lip_mask(person: Person, sheet: Sheet) -> Map:
    """Coverage of the lips, soft at the edge."""
    at = locate(person)
    upper, _, lower = lip_curves(person, sheet.x)
    y = sheet.y
    inside = step(-0.014, 0.012, y - upper) * step(0.014, -0.022, y - lower)
    return (inside * step(at.mouth_half * 1.02, at.mouth_half * 0.9, np.abs(sheet.x))).astype(
        np.float32
    )


@dataclass(frozen=True)
class _Noise:
    """Patterns of one skin: blotches, wide drifts and grain, each of about unit deviation."""

    mottle: Map
    drift: Map
    grain: Map


def _blood(person: Person, sheet: Sheet, noise: _Noise) -> Map:
    """Redness: cheeks, nose, chin, lids and ears have more, the forehead less."""
    at = locate(person)
    x, y = sheet.x, sheet.y
    ax = np.abs(x)
    places = (
        0.42 * bump(ax, y, 0.36, 0.24, 0.13, 0.12)
        + 0.4 * bump(x, y, 0, at.nose_tip, 0.11, 0.07)
        + 0.25 * bump(x, y, 0, at.chin_y - 0.1, 0.14, 0.08)
        + 0.25 * bump(ax, y, at.eye_x, 0.03, 0.13, 0.07)
        + 0.6 * bump(ax, y, 0.66, 0.1, 0.07, 0.2)
        - 0.12 * bump(x, y, 0, -0.45, 0.4, 0.18)
    )
    blotches = 0.034 * noise.mottle * (1 + person.ruddiness) + 0.03 * noise.drift
    return np.asarray(places * person.ruddiness + blotches, np.float32)


def _pigment(
    person: Person, sheet: Sheet, noise: _Noise, folds: Map, rng: np.random.Generator
) -> Map:
    """Darkness: under the eyes, in folds, on the neck; freckles, age spots and moles."""
    at = locate(person)
    x, y = sheet.x, sheet.y
    ax = np.abs(x)
    pigment = 0.02 * noise.drift + 0.012 * noise.mottle[::-1, ::-1] + 0.028 * noise.grain
    pigment += 0.28 * person.eye_bags * bump(ax, y, at.eye_x - 0.03, 0.085, 0.11, 0.035)
    pigment += 0.16 * bump(ax, y, at.eye_x, -0.05, 0.14, 0.06)
    pigment += 0.09 * step(0.5, 1.0, y) + 8.8 * np.clip(folds, 0, None)
    face = _face_area(sheet)
    sunny = bump(x, y, 0, 0.2, 0.35, 0.2) * face
    freckles = _spots(sheet, rng, int(260 * person.freckles), (0.005, 0.012), sunny)
    age_spots = _spots(sheet, rng, int(14 * person.age), (0.012, 0.03), face)
    moles = _spots(sheet, rng, person.moles, (0.009, 0.015), face)
    spots = 0.35 * person.freckles * freckles + 0.25 * person.age * age_spots + 1.1 * moles
    return np.asarray(pigment + spots, np.float32)


def _face_area(sheet: Sheet) -> Map:
    x, y = sheet.x, sheet.y
    return ((np.abs(x) < 0.55) & (y > -0.55) & (y < 0.95)).astype(np.float32)


def _between_lips(person: Person, sheet: Sheet) -> Map:
    """Darkness of the line where the lips meet, and of its ends."""
    at = locate(person)
    ax = np.abs(sheet.x)
    seam = lip_curves(person, sheet.x)[1]
    line = np.exp(-(((sheet.y - seam) / 0.010) ** 2))
    line *= step(at.mouth_half * 1.06, at.mouth_half * 0.8, ax)
    return 0.75 * line + 0.35 * bump(ax, sheet.y, at.mouth_half, at.mouth_y + 0.004, 0.02, 0.016)


def _shade_features(
    person: Person, sheet: Sheet, albedo: Map, grain: Map, rng: np.random.Generator
) -> Map:
    """Make-up on the lids, the shadow of a shaven beard, the nostrils."""
    at = locate(person)
    ax, y = np.abs(sheet.x), sheet.y
    lids = person.makeup * bump(ax, y, at.eye_x + 0.01, -0.065, 0.13, 0.045)
    albedo = albedo * (1 - 0.45 * lids[..., None] * np.array([0.8, 1.0, 0.9], np.float32))
    beard = beard_area(person, sheet)
    dots = (grain + fractal(rng, sheet.shape, 1.6, 1)).clip(-1, 1)
    cover = 0.34 * beard * person.stubble * (0.8 + 0.25 * dots) + 0.5 * beard * person.beard
    cover = cover[..., None].clip(0, 0.8)
    albedo = albedo * (1 - cover) + (np.asarray(person.hair, np.float32) * 0.6 + 0.03) * cover
    nostril = bump(ax, y, 0.066 * person.nose_width, at.nose_base - 0.008, 0.024, 0.0125)
    return albedo * (1 - 0.8 * nostril[..., None])


def paint_skin(
    person: Person, sheet: Sheet, folds: Map, rng: np.random.Generator
) -> tuple[Map, Map]:
    """Reflectance (H, W, 3) of the whole skin, linear light, and its fine relief (H, W)."""
    shape, ppu = sheet.shape, sheet.ppu
    noise = _Noise(*(fractal(rng, shape, cell * ppu, n) for cell, n in NOISE_CELLS))
    blood = _blood(person, sheet, noise)
    pigment = _pigment(person, sheet, noise, folds, rng)
    blood += 0.5 * _spots(sheet, rng, int(rng.integers(2, 9)), (0.01, 0.02), _face_area(sheet))
    lips = lip_mask(person, sheet)
    red = person.lip_colour * (0.75 + 0.5 * person.makeup)
    blood = blood * (1 - 0.7 * lips) + lips * (1.05 * red + 0.03 * noise.mottle)
    pigment += lips * (0.10 + 0.04 * noise.grain) + _between_lips(person, sheet)
    density = blood[..., None] * BLOOD + pigment[..., None] * MELANIN
    albedo = np.asarray(person.skin, np.float32) * np.exp(density)
    albedo = _shade_features(person, sheet, albedo, noise.grain, rng)
    pores = 0.00022 * noise.grain * (0.5 + 0.8 * person.age)
    pores += 0.0003 * fractal(rng, shape, 0.05 * ppu, 2)
    furrows = rng.standard_normal((6, shape[1] // 3)).astype(np.float32)
    cracks = 0.0022 * cv2.resize(furrows, shape[::-1])
    fine = pores * (1 - lips) + cracks * lips - folds
    return albedo.astype(np.float32), fine.astype(np.float32)
