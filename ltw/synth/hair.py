"""The hair of the head as thousands of strokes; each style is a family of curves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, blur, fill, fractal, outline, step

LOCK = 16
"""Hairs that lie together and share a shade."""

GREY = np.array([0.30, 0.295, 0.28])

Lines = NDArray[np.float64]
"""Polylines (n, k, 2) in face units."""


@dataclass
class Coat:
    """A layer of hair: reflectance (H, W, 3), linear, and coverage (H, W)."""

    colour: Map
    cover: Map


def shades(person: Person, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Reflectance of n hairs: lighter and darker ones, grey ones among them."""
    base = np.asarray(person.hair)
    locks = np.repeat(rng.normal(0.0, 0.2, (n // LOCK + 1, 1)), LOCK, axis=0)[:n]
    shade = (
        base * np.exp(locks + rng.normal(-0.05, 0.2, (n, 1))) * (1 + rng.normal(0, 0.04, (n, 3)))
    )
    grey = np.clip(person.greying + rng.normal(0, 0.16, (n, 1)) * (person.greying > 0.02), 0, 1)
    return np.asarray(shade * (1 - grey) + grey * GREY * np.exp(0.7 * locks), np.float64)


def draw(
    sheet: Sheet, coat: Coat, lines: Lines, colours: NDArray[np.float64], width: int = 1
) -> None:
    """Add strokes to a coat, each over those before it."""
    flat = sheet.pixel(lines.reshape(-1, 2)).reshape(lines.shape)
    points = np.round(flat * 16).astype(np.int32)
    canvas = np.clip(np.sqrt(coat.colour) * 255, 0, 255).astype(np.uint8)
    cover = np.clip(coat.cover * 255, 0, 255).astype(np.uint8)
    inks = np.clip(np.sqrt(np.clip(colours, 0, 1)) * 255, 0, 255)
    for line, ink in zip(points, inks, strict=True):
        cv2.polylines(canvas, [line], False, ink.tolist(), width, cv2.LINE_AA, 4)
    cv2.polylines(cover, list(points), False, 255, width, cv2.LINE_AA, 4)
    coat.colour = (canvas.astype(np.float32) / 255) ** 2
    coat.cover = cover.astype(np.float32) / 255


def _spline(points: list[tuple[float, float]], k: int = 26) -> NDArray[np.float64]:
    given = np.array(points, np.float64)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(given, axis=0).T))])
    t = np.linspace(0, length[-1], k)
    return np.stack([PchipInterpolator(length, given[:, c])(t) for c in range(2)], axis=1)


def curtain(
    inner: NDArray[np.float64],
    outer: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
    *,
    wave: float = 0.0,
    ragged: float = 0.08,
    noise: float = 0.02,
) -> Lines:
    """n strands between two curves (k, 2): locks wander sideways, wave and end unevenly."""
    k = len(inner)
    t = np.linspace(0, 1, k)
    lock = np.arange(n) // LOCK
    locks = int(lock[-1]) + 1
    q = np.clip(rng.random(locks)[lock] + rng.normal(0, 0.05, n), -0.02, 1.02)
    drift = rng.normal(0, noise, (locks, 1))[lock] * t + rng.normal(0, noise / 2, (n, 1)) * t
    phase = rng.uniform(0, 2 * np.pi, (locks, 1))[lock] + rng.normal(0, 0.4, (n, 1))
    swing = 0.045 * wave * np.sin(phase + 2 * np.pi * (1.2 + 2.2 * wave) * t) * t
    end = 1 - ragged * rng.random(locks)[lock] - 0.5 * ragged * rng.random(n)
    qt = np.clip(q[:, None] + drift, -0.05, 1.05)
    u = t * end[:, None]
    index = u * (k - 1)
    low = np.clip(index.astype(int), 0, k - 2)
    part = (index - low)[..., None]
    a = inner[low] * (1 - part) + inner[low + 1] * part
    b = outer[low] * (1 - part) + outer[low + 1] * part
    lines: Lines = a * (1 - qt[..., None]) + b * qt[..., None]
    lines[..., 0] += swing
    lines[..., 1] += 0.3 * swing
    lines[..., 0] += rng.normal(0, 0.016, (n, 1)) * (1 - t)  # no ruler drew the parting
    return lines


def brush(
    starts: NDArray[np.float64],
    angle: NDArray[np.float64],
    length: NDArray[np.float64],
    curl: NDArray[np.float64],
    k: int = 7,
) -> Lines:
    """Short strokes from ``starts`` (n, 2) in direction ``angle``, bending by ``curl`` radians."""
    t = np.linspace(0, 1, k)
    heading = angle[:, None] + curl[:, None] * t
    steps = (
        np.stack([np.cos(heading), np.sin(heading)], axis=-1) * (length / (k - 1))[:, None, None]
    )
    return starts[:, None, :] + np.cumsum(steps, axis=1) - steps[:, :1]


def scatter(sheet: Sheet, area: Map, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """n random places (face units) drawn with the weights of ``area``."""
    odds = np.cumsum(area.ravel().astype(np.float64))
    where = np.searchsorted(odds, rng.random(n) * odds[-1])
    r, c = np.unravel_index(np.minimum(where, area.size - 1), sheet.shape)
    return np.stack([sheet.x[r, c], sheet.y[r, c]], axis=1).astype(np.float64)


def hairline(person: Person) -> NDArray[np.float64]:
    """Front edge of the scalp, left to right: (n, 2)."""
    top = -0.57 - person.hairline
    w = person.face_width
    peak = 0.02 * (1 - person.femininity)
    recede = 0.0 if person.femininity > 0.5 else max(0.0, person.hairline) * 0.9
    half = [
        (0.0, top + peak),
        (0.2 * w, top - 0.3 * recede),
        ((0.38 - 0.05 * person.femininity) * w, top + 0.055 - recede),
        ((0.48 - 0.04 * person.femininity) * w, top + 0.18 - 0.5 * recede),
        (0.505 * w, -0.22),
        (0.545 * w, -0.12),
        (0.575 * w, 0.05),
    ]
    right = _spline(half, 30)
    return np.concatenate([right[::-1] * np.array([-1.0, 1.0]), right[1:]])


def crown(person: Person, volume: float) -> NDArray[np.float64]:
    """Silhouette of the hair above the ears, left to right: the skull and ``volume`` beyond it."""
    skull = outline(person)
    half = len(skull) // 2
    right = skull[:half]
    right = right[right[:, 1] < 0.05]
    lift = volume * np.clip((0.25 - right[:, 1]) / 0.7, 0, 1)[:, None] ** 0.5
    centre = np.array([0.0, -0.25])
    away = right - centre
    right = right + lift * away / np.linalg.norm(away, axis=1, keepdims=True)
    return np.concatenate([right[::-1] * np.array([-1.0, 1.0]), right[1:]])


def scalp(person: Person, sheet: Sheet, volume: float, soft: float) -> Map:
    """Coverage of the part of the head that hair grows on, hairline to silhouette."""
    front = hairline(person)
    above = crown(person, volume)
    return fill(sheet, np.concatenate([above, front[::-1]]), soft * sheet.ppu)


def _falls(
    person: Person, end_y: float, flare: float, volume: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Inner and outer curve of the hair on either side of the parting, down to ``end_y``."""
    w = person.face_width
    top = -0.57 - person.hairline
    part = 0.55 * person.parting
    sides = []
    for side in (-1.0, 1.0):
        crown_y = -1.0 - volume
        reach = side * w
        inner = [
            (part, top + 0.0),
            (part + 0.5 * (0.40 * reach - part), top + 0.05),
            (0.46 * reach, top + 0.22),
            (0.535 * reach, -0.15),
            (0.57 * reach, 0.12),
        ]
        outer = [
            (part, crown_y + 0.03),
            (part + 0.62 * (0.45 * reach - part), crown_y + 0.07),
            (0.56 * reach, -0.72 - 0.6 * volume),
            (0.66 * reach + side * volume, -0.2),
            (0.67 * reach + side * volume * 1.2, 0.15),
        ]
        if end_y > 0.2:
            inner += [(0.56 * reach, 0.45), ((0.50 + 0.3 * flare) * reach, end_y)]
            outer += [
                ((0.68 + 0.6 * flare) * reach + side * volume, 0.5),
                ((0.68 + flare) * reach + side * volume, end_y + 0.02),
            ]
        sides.append((_spline(inner), _spline(outer)))
    return sides


def _falls_of(person: Person) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The falls of this person's length: to the chest, or between jaw and neck."""
    long = person.hair_style == "long"
    end = 1.75 if long else 0.75 + 0.3 * (person.texture_seed % 7) / 7
    return _falls(person, end, 0.08 if long else 0.03, 0.075 * person.hair_volume)


def grow_hair(person: Person, sheet: Sheet, rng: np.random.Generator) -> Coat:
    """Paint the hair of the head."""
    base = np.asarray(person.hair, np.float32)
    grey = np.float32(person.greying)
    ground = (base * 0.45) * (1 - grey) + 0.1 * grey
    coat = Coat(
        np.broadcast_to(ground, (*sheet.shape, 3)).astype(np.float32).copy(),
        np.zeros(sheet.shape, np.float32),
    )
    {
        "bald": _shaven,
        "buzz": _shaven,
        "crop": _crop,
        "side": _side,
        "tied": _tied,
        "bob": _fall,
        "long": _fall,
        "curly": _curly,
    }[person.hair_style](person, sheet, coat, rng)
    coat.cover = blur(coat.cover, 0.5)
    return coat


def _shaven(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """A shadow of stubble; the bald keep it at the sides only."""
    area = scalp(person, sheet, 0.012, 0.035)
    if person.hair_style == "bald":
        area = (
            area
            * step(0.36, 0.52, np.abs(sheet.x) + 0.25 * np.clip(sheet.y + 0.25, -1, 0.2))
            * 0.45
        )
    grain = fractal(rng, sheet.shape, 1.8, 1) + 0.2 * fractal(rng, sheet.shape, 0.1 * sheet.ppu, 2)
    coat.colour *= (1.5 + 0.35 * grain[..., None]).clip(0.5, 3)
    coat.cover = np.clip(area * (0.78 + 0.1 * grain), 0, 0.92).astype(np.float32)


def _swept(
    person: Person,
    sheet: Sheet,
    coat: Coat,
    rng: np.random.Generator,
    volume: float,
    length: float,
    n: int,
    lean: float,
) -> None:
    """Short hair that stands up from the hairline and lies against the sides."""
    area = scalp(person, sheet, volume * 0.8, 0.02)
    coat.cover = np.maximum(coat.cover, blur(area, 0.02 * sheet.ppu) ** 1.5 * 0.96)
    starts = scatter(sheet, area, n, rng)
    flow = fractal(rng, sheet.shape, 0.25 * sheet.ppu, 2)
    at = np.round(sheet.pixel(starts)).astype(int)
    r = np.clip(at[:, 1], 0, sheet.shape[0] - 1)
    c = np.clip(at[:, 0], 0, sheet.shape[1] - 1)
    away = np.arctan2(starts[:, 1] + 0.35, starts[:, 0] * 0.8 - 0.8 * person.parting)
    down = np.pi / 2 + 0.12 * np.sign(starts[:, 0])
    beside = 1 / (1 + np.exp(-(starts[:, 1] + 0.42) / 0.06))
    angle = (
        away * (1 - beside)
        + down * beside
        + lean * (1 - beside)
        + (0.35 - 0.2 * beside) * flow[r, c]
    )
    curl = rng.normal(0, 0.3, n) + person.hair_wave * rng.normal(0, 1.3, n)
    edge = 0.55 + 0.45 * np.clip((-starts[:, 1] - 0.1) / 0.6, 0, 1)
    lines = brush(
        starts, angle + rng.normal(0, 0.16, n), length * edge * rng.uniform(0.5, 1.2, n), curl
    )
    draw(sheet, coat, lines, shades(person, rng, n))


def _crop(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    _swept(
        person,
        sheet,
        coat,
        rng,
        0.06 * person.hair_volume,
        0.11,
        4200,
        0.9 * float(np.sign(person.parting)),
    )


def _curly(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """Tight curls: loops all over a rounder silhouette."""
    volume = (0.08 + 0.09 * person.hair_wave) * person.hair_volume * (1.0 + 0.6 * person.femininity)
    area = scalp(person, sheet, volume, 0.03)
    coat.cover = blur(area, 0.03 * sheet.ppu) ** 1.6
    n = 5200
    starts = scatter(sheet, area, n, rng)
    turn = rng.choice([-1.0, 1.0], n) * rng.uniform(3.5, 7.0, n)
    lines = brush(starts, rng.uniform(0, 2 * np.pi, n), rng.uniform(0.06, 0.15, n), turn, 12)
    draw(sheet, coat, lines, shades(person, rng, n))


def _side(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """Longer on top and combed over to one side."""
    lean = float(np.sign(person.parting) or 1.0)
    _swept(person, sheet, coat, rng, 0.085 * person.hair_volume, 0.2, 4200, -1.15 * lean)


def _tied(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """Combed tight to the back of the head."""
    volume = 0.045 * person.hair_volume
    area = scalp(person, sheet, volume, 0.012)
    coat.cover = blur(area, 0.015 * sheet.ppu) ** 1.3
    front, above = hairline(person), crown(person, volume)
    n = 2600
    s = np.sort(rng.random(n))
    k = 14
    a = np.stack(
        [np.interp(s, np.linspace(0, 1, len(front)), front[:, c]) for c in range(2)], axis=1
    )
    squeeze = 0.5 + (s - 0.5) * 0.8
    b = np.stack(
        [np.interp(squeeze, np.linspace(0, 1, len(above)), above[:, c]) for c in range(2)], axis=1
    )
    t = np.linspace(0, 1, k)[None, :, None] * rng.uniform(0.7, 1.0, (n, 1, 1))
    lines = a[:, None] * (1 - t) + b[:, None] * t
    lines[..., 1] += 0.06 * np.sin(np.pi * t[..., 0]) * rng.normal(-0.3, 0.3, (n, 1))
    lines += rng.normal(0, 0.006, (n, 1, 2))
    draw(sheet, coat, lines, shades(person, rng, n))


def _fall(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """Long or half-long hair falling from a parting, with a fringe if there is one."""
    sides = _falls_of(person)
    for inner, outer in sides:
        coat.cover = np.maximum(
            coat.cover,
            0.97 * fill(sheet, np.concatenate([inner[:-2], outer[:-2][::-1]]), 0.012 * sheet.ppu),
        )
    for inner, outer in sides:
        lines = curtain(inner, outer, 1700, rng, wave=person.hair_wave, ragged=0.22)
        draw(sheet, coat, lines, shades(person, rng, 1700))
        strays = curtain(inner, outer, 140, rng, wave=person.hair_wave, noise=0.16, ragged=0.5)
        draw(sheet, coat, strays, shades(person, rng, 140))
    if person.fringe:
        _bangs(person, sheet, coat, rng, 0.075 * person.hair_volume)


def behind_neck(person: Person, sheet: Sheet) -> Map:
    """Coverage of the hair that hangs behind the neck, in the shade."""
    if person.hair_style not in ("bob", "long"):
        return np.zeros(sheet.shape, np.float32)
    (left, _), (right, _) = _falls_of(person)
    end = float(left[-1, 1])
    area = fill(sheet, np.concatenate([left[10:], right[10:][::-1]]), 1.5)
    return (area * step(end - 0.02, end - 0.2, sheet.y)).astype(np.float32)


def _bangs(
    person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator, volume: float
) -> None:
    end = -0.30 + 0.12 * (person.fringe - 0.5)
    w = person.face_width
    left = [
        (0.6 * person.parting - 0.12, -0.95 - volume),
        (-0.34 * w, -0.72),
        (-0.47 * w, end + 0.1),
    ]
    right = [
        (0.6 * person.parting + 0.12, -0.95 - volume),
        (0.34 * w, -0.72),
        (0.47 * w, end + 0.1),
    ]
    lines = curtain(
        _spline(left),
        _spline(right),
        1300,
        rng,
        wave=0.3 * person.hair_wave,
        ragged=0.16,
        noise=0.03,
    )
    lines[..., 1] -= (
        0.1 * (1 - (lines[..., 0] / 0.5) ** 2).clip(0) * np.linspace(0, 1, lines.shape[1]) * 0.4
    )
    draw(sheet, coat, lines, shades(person, rng, 1300))
