"""Brows and beards, stroke by stroke."""

from __future__ import annotations

import numpy as np

from ltw.synth.hair import Coat, brush, draw, scatter, shades
from ltw.synth.identity import Person
from ltw.synth.relief import Sheet, locate
from ltw.synth.skin import beard_area


def grow_brows(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """Two brows of short hairs, denser in the middle, thinning outward."""
    at = locate(person)
    n = int(215 * (0.6 + 0.5 * person.brow_thickness))
    for side in (-1.0, 1.0):
        s = rng.beta(1.15, 1.25, n)
        x = 0.105 + s * (at.eye_x + at.eye_half - 0.06)
        arch = (
            0.036 * person.brow_arch * np.sin(np.pi * np.clip(s / 0.68, 0, 1) ** 1.2 * 0.5)
            - 0.075 * np.clip(s - 0.68, 0, 1) ** 1.3 * 2.2
        )
        thick = (
            0.03
            * person.brow_thickness
            * np.clip(1.15 - 0.85 * s, 0.2, 1)
            * np.clip(0.4 + 4 * s, 0, 1)
        )
        y = at.brow_y - arch + thick * rng.uniform(-1, 1, n)
        angle = -0.7 + 0.95 * s + rng.normal(0, 0.1, n) + 0.35 * (y - at.brow_y + arch) / 0.03
        length = 0.048 * rng.uniform(0.6, 1.1, n)
        lines = brush(np.stack([x, y], axis=1), angle, length, rng.normal(0.3, 0.2, n), 5)
        lines[..., 0] *= side
        colours = shades(person, rng, n) * 0.55
        draw(sheet, coat, lines, colours)


def grow_beard(person: Person, sheet: Sheet, coat: Coat, rng: np.random.Generator) -> None:
    """A beard combed down; nothing where the person shaves."""
    if not person.beard:
        return
    area = beard_area(person, sheet) ** 1.5
    n = int(6000 * person.beard)
    starts = scatter(sheet, area, n, rng)
    angle = np.pi / 2 - 0.55 * starts[:, 0] + rng.normal(0, 0.3, n)
    lines = brush(
        starts,
        angle,
        0.05 * rng.uniform(0.4, 1.1, n) * (0.4 + person.beard),
        rng.normal(0, 0.4, n),
    )
    draw(sheet, coat, lines, shades(person, rng, n) * 0.8)
