"""Head and shoulders of a person as maps: all that stays the same over all takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from ltw.synth.attire import clothing, glasses
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
    return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True), np.float32)


def _lay(ground: Map, colour: Map, cover: Map) -> Map:
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


def _sky(height: Map, ppu: float) -> Map:
    """Ambient occlusion from how far each place lies below its surroundings at three scales."""
    hidden = sum(
        np.clip((blur(height, s * ppu) - height) / s, 0, 1) * w
        for s, w in ((0.03, 0.5), (0.09, 0.7), (0.25, 0.75))
    )
    return np.asarray(np.exp(-1.1 * hidden), np.float32)


def _bulk(height: Map, ppu: float) -> Map:
    """A relief so gentle that no turn of the head folds it over itself."""
    level = cv2.dilate(np.maximum(height, -0.05), np.ones((5, 5), np.uint8))
    return np.float32(0.9) * blur(np.asarray(level, np.float32), 0.075 * ppu)


def _body(person: Person, sheet: Sheet, head: Map) -> tuple[Map, Map]:
    """Height and coverage of ears, neck and shoulders around a head's mask."""
    x, y = sheet.x, sheet.y
    width = 0.40 * person.neck_width
    trunk = fill(sheet, np.concatenate([[(-width, 0.4), (width, 0.4)], _shoulders(person)]), 0.8)
    neck = -0.30 + 0.36 * np.sqrt(np.clip(1 - (x / (width + 0.03)) ** 2, 0.02, 1))
    neck = neck - 0.10 * step(1.3, 0.8, y)
    neck += 0.02 * bump(np.abs(x), y, 0.17 + 0.2 * (1.3 - y).clip(0, 1), 1.2, 0.06, 0.2)
    neck += 0.03 * (1 - person.femininity) * bump(x, y, 0, 1.2, 0.05, 0.06)
    chest = -0.12 + 0.25 * inflate(sheet, trunk, 0.5) - 0.12 * np.abs(x)
    body = neck + (chest - neck) * step(1.1, 1.55, y + 0.5 * np.abs(x))
    ear, ear_relief = _ears(person, sheet)
    height = _lay(body.astype(np.float32), ear_relief, ear)
    return height, np.maximum(np.maximum(head, ear), trunk)


def _oil(person: Person, sheet: Sheet) -> Map:
    """How strongly bare skin shines: forehead, nose and lips more, around the eyes less."""
    at = locate(person)
    x, y = sheet.x, sheet.y
    oil: Map = (
        0.75 + 0.5 * bump(x, y, 0, -0.35, 0.35, 0.2) + 0.6 * bump(x, y, 0, at.nose_tip, 0.07, 0.15)
    )
    oil *= 1 - 0.7 * bump(np.abs(x), y, at.eye_x, 0.07, 0.14, 0.06)
    return oil + 0.5 * bump(x, y, 0, at.mouth_y + 0.05, 0.12, 0.03)


def _hair_relief(hair: Coat, height: Map, sheet: Sheet) -> tuple[Map, Map]:
    """Height of the hair's surface, and how each strand stands out against its neighbours."""
    ppu = sheet.ppu
    grey = np.asarray(cv2.cvtColor(hair.colour, cv2.COLOR_RGB2GRAY), np.float32)
    strand = (grey - blur(grey, 4)) / (blur(grey, 8) + 0.01)
    mass = inflate(sheet, blur(hair.cover, 0.03 * ppu), 0.2)
    top = np.maximum(blur(height, 0.05 * ppu) * 0.5 + 0.1, -0.2) + 0.16 * mass + 0.008 * strand
    return np.maximum(height, top), strand


@lru_cache(maxsize=4)
def paint(person: Person, ppu: float) -> Bust:
    """Paint a person at ``ppu`` pixels a face unit. Deterministic: all chance is in the person."""
    streams = [np.random.default_rng([person.texture_seed, k]) for k in range(6)]
    sheet = make_sheet(ppu, streams[0])
    head = fill(sheet, outline(person), 0.8)
    height, cover = _body(person, sheet, head)
    height = _lay(height, face_relief(person, sheet, head), blur(head, 0.012 * ppu))
    folds = wrinkles(person, sheet, streams[1])
    albedo, fine = paint_skin(person, sheet, folds, streams[2])

    cloth, cloth_colour, cloth_relief = clothing(person, sheet, streams[3])
    height = height + cloth * (0.03 + cloth_relief)
    albedo = _lay(albedo, cloth_colour, cloth)
    strokes = Coat(albedo.copy(), np.zeros(sheet.shape, np.float32))
    grow_brows(person, sheet, strokes, streams[4])
    grow_beard(person, sheet, strokes, streams[4])
    albedo = _lay(albedo, strokes.colour, 0.88 * strokes.cover)

    hair = grow_hair(person, sheet, streams[5])
    hair_top, strand = _hair_relief(hair, height, sheet)
    shine = SHEEN.get(person.hair_style, 0.0)
    if shine:  # stubble has no volume of its own
        height = _lay(height, hair_top, blur(hair.cover, 0.03 * ppu))
    albedo = _lay(albedo, hair.colour, hair.cover)
    cover = np.maximum(cover, hair.cover)
    nape = behind_neck(person, sheet) * (1 - cover)
    albedo = _lay(albedo, np.float32(0.35) * hair.colour, nape)
    bare = (1 - cloth) * (1 - hair.cover)
    grain = fractal(streams[0], sheet.shape, 0.02 * ppu, 2)
    gloss = bare * (1 - 0.7 * strokes.cover) * _oil(person, sheet) * (1 + 0.1 * grain)
    if person.glasses:
        frame = glasses(person, sheet)
        cast = blur(np.roll(frame, round(0.02 * ppu), axis=0), 0.012 * ppu)
        ink = np.asarray(person.hair, np.float32) * 0.3 + 0.01
        albedo = _lay(albedo * (1 - 0.3 * cast[..., None]), ink, frame)
        gloss = gloss * (1 - frame) + 1.2 * frame

    surface = height + bare * fine
    under_hair = 1 - 0.42 * np.clip(blur(hair.cover, 0.05 * ppu) * (1 - hair.cover), 0, 1)
    return Bust(
        person=person,
        sheet=sheet,
        albedo=albedo,
        normal=_normals(blur(surface, 0.6), ppu),
        soft=_normals(blur(surface, 0.028 * ppu), ppu),
        height=height,
        bulk=_bulk(height, ppu),
        cover=cover + nape,
        gloss=gloss.astype(np.float32),
        sheen=(hair.cover * shine * (0.6 + 0.5 * np.clip(strand, -1, 2))).astype(np.float32),
        open_sky=(_sky(height, ppu) * under_hair).astype(np.float32),
        rigid=step(1.36, 0.9, sheet.y).astype(np.float32),
    )
