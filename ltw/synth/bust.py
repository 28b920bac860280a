"""Head and shoulders of a person as maps: all that stays the same over all takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from ltw.synth.facial_hair import grow_beard, grow_brows
from ltw.synth.hair import Coat, behind_neck, grow_hair
from ltw.synth.identity import Person
from ltw.synth.relief import (
    Map,
    Sheet,
    blur,
    bump,
    face_relief,
    fill,
    fractal,
    inflate,
    locate,
    make_sheet,
    outline,
    step,
)
from ltw.synth.skin import paint_skin, wrinkles

SHEEN = {"crop": 0.5, "side": 0.5, "curly": 0.2, "tied": 1.0, "bob": 1.0, "long": 1.0}


@dataclass(frozen=True)
class Bust:
    """Maps over the sheet, all float32: what light and motion need.

    ``albedo`` (H, W, 3) linear reflectance; ``normal`` (H, W, 3) of the fine surface and ``soft``
    of the surface as light under the skin sees it; ``height`` in face units, ``bulk``
    the same without steep edges, by which places move; ``cover`` what is
    person and not background; ``gloss`` strength of highlights on skin, ``sheen`` on hair;
    ``open_sky`` the share of light not hidden by the surroundings; ``rigid`` 1 where a place
    moves with the head, 0 where it stays with the shoulders.
    """

    person: Person
    sheet: Sheet
    albedo: Map
    normal: Map
    soft: Map
    height: Map
    bulk: Map
    cover: Map
    gloss: Map
    sheen: Map
    open_sky: Map
    rigid: Map


def _normals(height: Map, ppu: float) -> Map:
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=ppu / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=ppu / 8)
    normal = cv2.merge([-dx, -dy, np.ones_like(dx)])
    return (normal / np.linalg.norm(normal, axis=2, keepdims=True)).astype(np.float32)


def _lay(ground: Map, colour: Map | NDArray[np.floating], cover: Map) -> Map:
    if ground.ndim == 3:
        cover = cover[..., None]
    return (ground + cover * (np.asarray(colour, np.float32) - ground)).astype(np.float32)


def _ears(person: Person, sheet: Sheet) -> tuple[Map, Map]:
    """Coverage and relief of both ears."""
    ax = np.abs(sheet.x)
    cx = 0.655 * person.face_width
    size = person.ear_size
    u = (ax - cx - 0.12 * (sheet.y - 0.1) * -1) / (0.075 * size)
    v = (sheet.y - 0.09) / (0.205 * size)
    r = np.sqrt(u**2 + (v + 0.12 * u) ** 2)
    cover = step(1.03, 0.95, r)
    helix = np.exp(-(((r - 0.82) / 0.13) ** 2)) * 0.05
    concha = 0.05 * bump(u, v, -0.15, 0.1, 0.32, 0.32)
    return cover, (-0.16 + helix - concha + 0.05 * u).astype(np.float32)


def _shoulders(person: Person) -> NDArray[np.float64]:
    w = 0.40 * person.neck_width
    broad = 1.28 - 0.14 * person.femininity
    half = [
        (w, 1.08),
        (w + 0.03, 1.22),
        (w + 0.16, 1.33),
        (w + 0.5, 1.45),
        (broad, 1.60),
        (broad + 0.22, 1.82),
        (broad + 0.3, 2.3),
    ]
    right = np.array(half)
    t = np.linspace(0, 1, len(right))
    fine = np.linspace(0, 1, 60)
    right = np.stack([PchipInterpolator(t, right[:, c])(fine) for c in range(2)], axis=1)
    return np.concatenate([right, right[::-1] * np.array([-1.0, 1.0])])


def _clothing(person: Person, sheet: Sheet, rng: np.random.Generator) -> tuple[Map, Map, Map]:
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


def _sky(height: Map, ppu: float) -> Map:
    """Ambient occlusion from how far each place lies below its surroundings at three scales."""
    hidden = sum(
        np.clip((blur(height, s * ppu) - height) / s, 0, 1) * w
        for s, w in ((0.03, 0.5), (0.09, 0.7), (0.25, 0.75))
    )
    return np.exp(-1.1 * np.asarray(hidden, np.float32))


def _glasses(person: Person, sheet: Sheet, albedo: Map, gloss: Map) -> Map:
    """Thin frames over the bust; returns their coverage."""
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
    return np.clip(np.maximum(np.maximum(rim, bridge), arm), 0, 1).astype(np.float32)


def _bulk(height: Map, ppu: float) -> Map:
    """A relief so gentle that no turn of the head folds it over itself."""
    level = np.maximum(height, -0.05)
    return np.float32(0.9) * blur(cv2.dilate(level, np.ones((5, 5), np.uint8)), 0.075 * ppu)


@lru_cache(maxsize=4)
def paint(person: Person, ppu: float) -> Bust:
    """Paint a person at ``ppu`` pixels a face unit. Deterministic: all chance is in the person."""
    streams = [np.random.default_rng([person.texture_seed, k]) for k in range(6)]
    sheet = make_sheet(ppu, streams[0])
    at = locate(person)
    x, y = sheet.x, sheet.y
    head = fill(sheet, outline(person), 0.8)
    face = face_relief(person, sheet, head)
    folds = wrinkles(person, sheet, streams[1])
    albedo, fine = paint_skin(person, sheet, folds, streams[2])

    neck_w = 0.40 * person.neck_width
    trunk = fill(sheet, np.concatenate([[(-neck_w, 0.4), (neck_w, 0.4)], _shoulders(person)]), 0.8)
    neck = (
        -0.30
        + 0.36 * np.sqrt(np.clip(1 - (x / (neck_w + 0.03)) ** 2, 0.02, 1))
        - 0.10 * step(1.3, 0.8, y)
    )
    neck = neck + 0.02 * bump(np.abs(x), y, 0.17 + 0.2 * (1.3 - y).clip(0, 1), 1.2, 0.06, 0.2)
    neck += 0.03 * (1 - person.femininity) * bump(x, y, 0, 1.2, 0.05, 0.06)
    chest = -0.12 + 0.25 * inflate(sheet, trunk, 0.5) - 0.12 * np.abs(x)
    body = neck + (chest - neck) * step(1.1, 1.55, y + 0.5 * np.abs(x))
    ear, ear_relief = _ears(person, sheet)
    height = _lay(body.astype(np.float32), ear_relief, ear)
    height = _lay(height, face, blur(head, 0.012 * ppu))
    cover = np.maximum(np.maximum(head, ear), trunk)
    rigid = step(1.36, 0.9, y)

    cloth, cloth_colour, cloth_relief = _clothing(person, sheet, streams[3])
    height = height + cloth * (0.03 + cloth_relief)
    albedo = _lay(albedo, cloth_colour, cloth)
    skin = 1 - cloth

    brows = Coat(albedo.copy(), np.zeros(sheet.shape, np.float32))
    grow_brows(person, sheet, brows, streams[4])
    grow_beard(person, sheet, brows, streams[4])
    albedo = _lay(albedo, brows.colour, 0.88 * brows.cover)
    hair = grow_hair(person, sheet, streams[5])
    thick = blur(hair.cover, 0.03 * ppu)
    shadow = 1 - 0.42 * np.clip(blur(hair.cover, 0.05 * ppu) * (1 - hair.cover), 0, 1)
    strand = cv2.cvtColor(hair.colour, cv2.COLOR_RGB2GRAY)
    strand = (strand - blur(strand, 4)) / (blur(strand, 8) + 0.01)
    mass = inflate(sheet, thick, 0.2)
    hair_top = np.maximum(blur(height, 0.05 * ppu) * 0.5 + 0.1, -0.2) + 0.16 * mass + 0.008 * strand
    shaven = person.hair_style in ("bald", "buzz")
    if not shaven:
        height = _lay(height, np.maximum(height, hair_top), thick)
    albedo = _lay(albedo, hair.colour, hair.cover)
    cover = np.maximum(cover, hair.cover)
    nape = behind_neck(person, sheet) * (1 - cover)
    albedo = _lay(albedo, np.float32(0.35) * hair.colour, nape)
    cover = cover + nape
    sheen = hair.cover * SHEEN.get(person.hair_style, 0.0) * (0.6 + 0.5 * np.clip(strand, -1, 2))

    oily = (
        0.75 + 0.5 * bump(x, y, 0, -0.35, 0.35, 0.2) + 0.6 * bump(x, y, 0, at.nose_tip, 0.07, 0.15)
    )
    oily *= 1 - 0.7 * bump(np.abs(x), y, at.eye_x, 0.07, 0.14, 0.06)
    lips_wet = 0.5 * bump(x, y, 0, at.mouth_y + 0.05, 0.12, 0.03)
    grain = fractal(streams[0], sheet.shape, 0.02 * ppu, 2)
    gloss = (
        skin * (1 - hair.cover) * (1 - 0.7 * brows.cover) * (oily + lips_wet) * (1 + 0.1 * grain)
    )

    if person.glasses:
        frame = _glasses(person, sheet, albedo, gloss)
        ink = np.asarray(person.hair, np.float32) * 0.3 + 0.01
        cast = blur(np.roll(frame, round(0.02 * ppu), axis=0), 0.012 * ppu)
        albedo = _lay(albedo * (1 - 0.3 * cast[..., None]), ink, frame)
        gloss = gloss * (1 - frame) + 1.2 * frame

    surface = height + skin * (1 - hair.cover) * fine
    open_sky = _sky(height, ppu) * shadow
    return Bust(
        person=person,
        sheet=sheet,
        albedo=albedo,
        normal=_normals(blur(surface, 0.6), ppu),
        soft=_normals(blur(surface, 0.028 * ppu), ppu),
        height=height,
        bulk=_bulk(height, ppu),
        cover=cover,
        gloss=gloss.astype(np.float32),
        sheen=sheen.astype(np.float32),
        open_sky=open_sky.astype(np.float32),
        rigid=rigid.astype(np.float32),
    )
