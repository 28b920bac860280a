"""The set of a take: its light, the blurred room behind, the camera and its faults."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.synth.bust import Bust
from ltw.synth.relief import Map, blur, fractal

Vector = NDArray[np.float32]

WRAP = np.array([0.30, 0.14, 0.09], np.float32)
"""How far light creeps past the terminator in skin: red goes farthest."""


DEPTH = (0.6, 0.3, 0.18)
"""Share of each colour that leaves from below the surface and sees it smoothed."""


@dataclass(frozen=True)
class Light:
    """A key light, a fill and the sky; directions point to the light (x right, y down, z near)."""

    key: Vector
    key_colour: Vector
    fill: Vector
    fill_colour: Vector
    sky: Vector
    hardness: float


@dataclass(frozen=True)
class Camera:
    """Exposure, white balance and faults of one take's camera."""

    exposure: float
    balance: Vector
    softness: float
    noise: float
    vignette: float
    contrast: float


def _warmth(kelvin_shift: float) -> Vector:
    """Colour of a light: -1 bluish, +1 warm."""
    return np.array([1 + 0.16 * kelvin_shift, 1.0, 1 - 0.22 * kelvin_shift], np.float32)


def sample_light(rng: np.random.Generator) -> Light:
    """A window or lamp from above at one side, weaker light from the other, light all around."""
    side = rng.choice([-1.0, 1.0])
    azimuth, height = side * rng.uniform(0.15, 0.95), rng.uniform(0.25, 0.7)
    key = np.array(
        [np.sin(azimuth) * np.cos(height), -np.sin(height), np.cos(azimuth) * np.cos(height)]
    )
    fill = np.array([-side * 0.75, -0.05, 0.65])
    warm = rng.normal(0, 0.45)
    share = rng.uniform(0.45, 0.85)
    return Light(
        key=key.astype(np.float32),
        key_colour=np.float32(1.25 * share) * _warmth(warm),
        fill=fill.astype(np.float32),
        fill_colour=np.float32(rng.uniform(0.12, 0.35)) * _warmth(-0.6 * warm),
        sky=np.float32(1.05 - share + 0.1) * _warmth(rng.normal(0, 0.3)),
        hardness=float(rng.uniform(0.35, 0.9)),
    )


def sample_camera(rng: np.random.Generator) -> Camera:
    """A camera as video calls, phones and broadcasters use."""
    return Camera(
        exposure=float(rng.uniform(1.1, 1.4)),
        balance=_warmth(rng.normal(0, 0.25)),
        softness=float(rng.uniform(0.35, 0.75)),
        noise=float(rng.uniform(0.5, 1.6)),
        vignette=float(rng.uniform(0.0, 0.25)),
        contrast=float(rng.uniform(0.9, 1.12)),
    )


def _cast_shadow(height: Map, toward: Vector, ppu: float, hardness: float) -> Map:
    """Share of the key light that reaches each place: marched over the relief towards the light."""
    small = cv2.resize(height, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    step_length = 1.5
    planar = max(float(np.hypot(toward[0], toward[1])), 1e-3)
    slope = max(float(toward[2]), 0.05) / planar
    shade = np.zeros_like(small)
    for k in range(1, 26):
        far = k * step_length
        move = np.array(
            [[1, 0, -far * toward[0] / planar], [0, 1, -far * toward[1] / planar]], np.float32
        )
        ahead = cv2.warpAffine(small, move, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        run = far / (0.5 * ppu)
        shade = np.maximum(shade, (ahead - small - slope * run) / (0.05 + 0.22 * run))
    lit = 1 - hardness * np.clip(shade, 0, 1)
    return cv2.resize(blur(lit.astype(np.float32), 0.012 * ppu), height.shape[::-1]).astype(
        np.float32
    )


@dataclass(frozen=True)
class Lit:
    """A bust under one take's light: the shadows that do not move with the head's turning."""

    shadow: Map
    ambient: Map


def light_bust(bust: Bust, light: Light) -> Lit:
    """Cast the shadows of a take."""
    shadow = _cast_shadow(blur(bust.height, 1.2), light.key, bust.sheet.ppu, light.hardness)
    up = 0.72 - 0.28 * bust.soft[..., 1]
    sky = (bust.open_sky * up)[..., None] * light.sky
    # light that left skin nearby is red: occluded places glow a little
    glow = (1 - bust.open_sky)[..., None] * np.array([0.10, 0.03, 0.02], np.float32)
    return Lit(shadow * np.sqrt(bust.open_sky), (sky + glow * light.sky.mean()).astype(np.float32))


def shade(bust: Bust, lit: Lit, light: Light, turn: NDArray[np.float64]) -> tuple[Map, Map]:
    """Light leaving the bust and light falling on it, both (H, W, 3), for a turned head.

    ``turn`` is the head's rotation (3, 3): the lights are turned back instead of the surface.
    """
    key = (turn.T @ light.key).astype(np.float32)
    fill = (turn.T @ light.fill).astype(np.float32)
    half = key + (turn.T @ np.array([0, 0, 1.0])).astype(np.float32)
    half = half / np.linalg.norm(half)
    fine = cv2.transform(bust.normal, np.stack([key, half]))
    deep = cv2.transform(bust.soft, np.stack([key, fill]))
    irradiance = lit.ambient.copy()
    fill_part = np.clip(deep[..., 1] * 0.8 + 0.2, 0, 1)
    for c in range(3):
        mix = DEPTH[c]
        lambert = (mix * deep[..., 0] + (1 - mix) * fine[..., 0] + WRAP[c]) * np.float32(
            1 / (1 + WRAP[c])
        )
        irradiance[..., c] += light.key_colour[c] * np.clip(lambert, 0, None) * lit.shadow
        irradiance[..., c] += light.fill_colour[c] * fill_part
    out = bust.albedo * irradiance
    cosine = np.clip(fine[..., 1], 0, 1)
    shine = bust.gloss * lit.shadow * (0.050 * cosine**14 + 0.055 * cosine**50)
    hx, hy = float(half[0]), float(half[1])
    band = np.exp(
        -(((bust.soft[..., 1] - hy * 1.1) / 0.22) ** 2) - ((bust.soft[..., 0] - hx) / 0.6) ** 2
    )
    shine = shine + 0.07 * bust.sheen * band * lit.shadow
    out += shine[..., None] * light.key_colour
    return out, irradiance


def backdrop(size: int, rng: np.random.Generator) -> Map:
    """A room out of focus, a fifth larger than the frame (linear light): walls, windows, lamps."""
    side = int(size * 1.2)
    wall = rng.uniform(0.08, 0.5) * (
        1 + rng.normal(0, 0.07, 3) + 0.1 * rng.normal() * np.array([1, 0, -1])
    )
    room = np.empty((side, side, 3), np.float32)
    room[:] = np.clip(wall, 0.02, 0.8)
    for _ in range(int(rng.integers(3, 12))):
        colour = np.clip(wall * rng.lognormal(-0.1, 0.6) * (1 + rng.normal(0, 0.13, 3)), 0.01, 1.1)
        x, w = rng.uniform(-0.2, 1, 2) * side
        y, h = rng.uniform(-0.2, 1, 2) * side
        corner = (int(x), int(y))
        opposite = (int(x + 0.15 * side + abs(w) * 0.5), int(y + 0.2 * side + abs(h) * 0.9))
        if rng.random() < 0.75:
            cv2.rectangle(room, corner, opposite, colour.tolist(), -1)
        else:
            cv2.circle(
                room, corner, int(rng.uniform(0.02, 0.12) * side), (colour * 1.6).tolist(), -1
            )
    room = blur(room, rng.uniform(0.02, 0.06) * side)
    slope = np.linspace(-1, 1, side, dtype=np.float32) * np.float32(rng.normal(0, 0.25))
    uneven = 1 + 0.08 * fractal(rng, (side, side), 0.4 * side, 2)
    lit: Map = np.clip(room * (1 + slope[None, :, None]) * uneven[..., None], 0.005, None)
    return lit


def expose(linear: Map, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the camera makes of linear light (H, W, 3): uint8 sRGB, soft, noisy, vignetted."""
    height, width = linear.shape[:2]
    yy = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    xx = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    gain = camera.exposure * (1 - camera.vignette * 0.5 * (xx + yy))
    light = blur(linear, camera.softness * height / 320) * (gain[..., None] * camera.balance)
    grain = rng.standard_normal(linear.shape, dtype=np.float32)
    grain = 0.6 * grain + 1.2 * cv2.blur(grain, (2, 2))
    light = light + grain * (camera.noise * 0.006) * np.sqrt(np.clip(light, 0, 1) * 0.5 + 0.003)
    light = np.clip(light, 0, None)
    # a shoulder instead of clipped highlights
    light = light * (1 + 0.16 * light) / (1 + 0.42 * light)
    grey = light @ np.array([0.3, 0.59, 0.11], np.float32)
    light = light + np.float32(0.12) * (grey[..., None] - light)
    tone = cv2.pow(np.clip(light, 0, 1.2), camera.contrast / 2.2)
    tone = tone + np.float32(0.22) * tone * (1 - tone) * (2 * tone - 0.85)
    return np.asarray(np.clip(tone * 255 + 0.5, 0, 255), np.uint8)
