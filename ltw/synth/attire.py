"""Clothes below the neck, and glasses."""

from __future__ import annotations

import numpy as np

from ltw.synth.identity import Person
from ltw.synth.relief import Map, Sheet, fractal, locate, step


def clothing(person: Person, sheet: Sheet, rng: np.random.Generator) -> tuple[Map, Map, Map]:
    """Coverage, reflectance and relief of the clothes below the neck."""
    x, y = sheet.x, sheet.y
    ax = np.abs(x)
    wide = 0.43 * person.neck_width
    if person.clothes == "vee":
        line = 1.27 + 0.75 * np.clip(wide + 0.05 - ax, 0, None)
    else:
        line = 1.24 + 0.19 * np.sqrt(np.clip(1 - (ax / (wide + 0.06)) ** 2, 0, 1))
    cover = step(-0.008, 0.008, y - line)
    hem = np.exp(-(((y - line - 0.045) / 0.006) ** 2)) * 0.35
    weave = fractal(rng, sheet.shape, 2.5, 1)
    folds = fractal(rng, sheet.shape, 0.3 * sheet.ppu, 2)
    colour = np.asarray(person.cloth, np.float32) * (1 + 0.04 * weave - hem)[..., None]
    if person.texture_seed % 4 == 0:
        stripe = step(0.35, 0.6, np.sin((y + 0.12 * x**2) * 55))
        colour = colour * (1 - 0.45 * stripe[..., None])
    relief = 0.016 * folds + 0.02 * np.exp(-(((y - line - 0.02) / 0.03) ** 2))
    if person.clothes == "collar":
        flap = step(0.0, 0.012, y - line + 0.13 - 0.35 * np.clip(ax - 0.12, 0, 1)) * step(
            0.02, 0.0, y - line - 0.17 + 0.5 * np.abs(ax - 0.3)
        )
        cover = np.maximum(cover, flap)
        relief = relief + 0.035 * flap
        colour = colour * (1 + 0.12 * flap[..., None])
    return cover, colour.astype(np.float32), relief.astype(np.float32)


def glasses(person: Person, sheet: Sheet) -> Map:
    """Coverage of the frames."""
    at = locate(person)
    ax, y = np.abs(sheet.x), sheet.y
    u, v = (ax - at.eye_x - 0.01) / 0.215, (y - 0.03) / 0.155
    r = (np.abs(u) ** 3 + np.abs(v) ** 3) ** (1 / 3)
    rim = np.exp(-(((r - 1) / 0.055) ** 4))
    bridge = np.exp(-(((y + 0.03 + 0.5 * ax**2) / 0.010) ** 4)) * (ax < at.eye_x - 0.2)
    arm = (
        np.exp(-(((y + 0.035) / 0.013) ** 4))
        * step(at.eye_x + 0.205, at.eye_x + 0.225, ax)
        * step(0.64, 0.6, ax)
    )
    return np.asarray(np.clip(np.maximum(np.maximum(rim, bridge), arm), 0, 1), np.float32)
