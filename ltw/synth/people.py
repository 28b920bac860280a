"""Rendered people: `sample_person` draws an identity, `film` a take of it.

A person is painted once as a relief with reflectances (`bust`); a take lights it, moves eyes
and mouth, turns the head, and photographs it before a blurred room.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ltw.errors import ConfigError
from ltw.synth.bust import Bust, paint
from ltw.synth.expression import Expression, draw_eye, mouth_corner, move_mouth
from ltw.synth.footage import Footage
from ltw.synth.identity import Person, sample_person
from ltw.synth.motion import Take, act
from ltw.synth.relief import X_RANGE, Y_RANGE, Map, locate, look_up
from ltw.synth.scene import (
    Camera,
    Light,
    Lit,
    backdrop,
    expose,
    light_bust,
    sample_camera,
    sample_light,
    shade,
)

__all__ = ["Person", "film", "sample_person"]

MIN_SIZE = 96
FACE_UNIT = 0.305
"""Eye-to-chin distance over the frame's height: the box of a detector then takes about half."""

OVERSAMPLE = 1.5
PIVOT = np.array([0.0, 0.75, -0.25])
"""The point of the neck about which the head turns, in face units."""


def film(person: Person, *, frames: int, size: int = 320, rng: np.random.Generator) -> Footage:
    """Film one take of a person: ``frames`` pictures of ``size`` x ``size``.

    Frames are 1/25 s apart; a take shorter than 2.4 s is spread over 2.4 s, so that a few frames
    show motion too. The light, the room, the camera and what the person does come from ``rng``;
    how the person looks does not.

    Raises:
        ConfigError: ``frames`` is below 1, or ``size`` is odd or below 96.
    """
    if frames < 1:
        raise ConfigError(f"frames is {frames}; a take needs at least 1 frame")
    if size < MIN_SIZE or size % 2:
        raise ConfigError(
            f"size is {size}; it must be an even number of pixels, at least {MIN_SIZE}"
        )
    unit = FACE_UNIT * size
    bust = paint(person, unit * OVERSAMPLE)
    light = sample_light(rng)
    camera = sample_camera(rng)
    room = backdrop(size, rng)
    takes = act(frames, rng)
    lit = light_bust(bust, light)
    pictures = np.empty((frames, size, size, 3), np.uint8)
    landmarks = np.empty((frames, 5, 2), np.float32)
    for k, take in enumerate(takes):
        pictures[k], landmarks[k] = _shoot(bust, lit, light, camera, room, take, size, rng)
    return Footage(pictures, landmarks)


@dataclass(frozen=True)
class _Pose:
    """A turn of the head as a mapping of the sheet: face units in, pixels of the picture out."""

    rotation: NDArray[np.float64]
    scale: float
    offset: NDArray[np.float64]

    def project(self, x: Map, y: Map, z: Map, rigid: Map) -> tuple[Map, Map]:
        """Pixels at which places of the relief are seen; ``rigid`` fades the turn out."""
        px, py, pz = x - PIVOT[0], y - PIVOT[1], z - PIVOT[2]
        r = self.rotation
        turned = [r[i, 0] * px + r[i, 1] * py + r[i, 2] * pz for i in range(3)]
        dx, dy = (turned[0] - px) * rigid, (turned[1] - py) * rigid
        near = 1 / (1 - 0.07 * (turned[2] * rigid))
        return (
            ((x + dx) * near * self.scale + self.offset[0]).astype(np.float32),
            ((y + dy) * near * self.scale + self.offset[1]).astype(np.float32),
        )


def _pose(take: Take, size: int) -> _Pose:
    rotation = Rotation.from_euler("yxz", [take.yaw, take.pitch, take.roll]).as_matrix()
    unit = FACE_UNIT * size * take.zoom
    offset = np.array([0.5 * size, 0.46 * size]) + unit * np.array(take.shift)
    return _Pose(rotation, unit, offset)


def _unwarp(bust: Bust, pose: _Pose, size: int) -> tuple[Map, Map]:
    """Sheet pixel seen at each picture pixel, oversampled: inverse of the pose by iteration."""
    coarse = max(size // 4, 64)
    ppu = bust.sheet.ppu
    smooth = bust.bulk
    centres = (np.arange(coarse, dtype=np.float32) + 0.5) * np.float32(size / coarse) - 0.5
    target_x, target_y = np.meshgrid(centres, centres)
    x = ((target_x - pose.offset[0]) / pose.scale).astype(np.float32)
    y = ((target_y - pose.offset[1]) / pose.scale).astype(np.float32)
    for _ in range(12):
        column = (x - X_RANGE[0]) * np.float32(ppu)
        row = (y - Y_RANGE[0]) * np.float32(ppu)
        z = look_up(smooth, column, row)
        rigid = look_up(bust.rigid, column, row)
        seen_x, seen_y = pose.project(x, y, z, rigid)
        x = x + np.float32(0.8 / pose.scale) * (target_x - seen_x)
        y = y + np.float32(0.8 / pose.scale) * (target_y - seen_y)
    fine = round(size * OVERSAMPLE)
    columns = cv2.resize(
        (x - X_RANGE[0]) * np.float32(ppu), (fine, fine), interpolation=cv2.INTER_CUBIC
    )
    rows = cv2.resize(
        (y - Y_RANGE[0]) * np.float32(ppu), (fine, fine), interpolation=cv2.INTER_CUBIC
    )
    return columns.astype(np.float32), rows.astype(np.float32)


def _landmarks(bust: Bust, pose: _Pose, look: Expression) -> NDArray[np.float32]:
    """The five points of a frame, pixels (5, 2)."""
    at = locate(bust.person)
    sides = (-1.0, 1.0)
    points = np.array(
        [(s * at.eye_x, -0.01) for s in sides]
        + [(0.0, at.nose_tip)]
        + [mouth_corner(bust.person, s, look) for s in sides]
    )
    pixel = bust.sheet.pixel(points).astype(np.float32)
    column, row = pixel[:, :1].copy(), pixel[:, 1:].copy()
    smooth = bust.bulk
    z = look_up(smooth, column, row)
    rigid = look_up(bust.rigid, column, row)
    x = column / bust.sheet.ppu + X_RANGE[0]
    y = row / bust.sheet.ppu + Y_RANGE[0]
    seen = pose.project(x.astype(np.float32), y.astype(np.float32), z, rigid)
    return np.concatenate(seen, axis=1).astype(np.float32)


def _shoot(
    bust: Bust,
    lit: Lit,
    light: Light,
    camera: Camera,
    room: Map,
    take: Take,
    size: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """One frame and its landmarks."""
    pose = _pose(take, size)
    picture, falling = shade(bust, lit, light, pose.rotation)
    person, sheet = bust.person, bust.sheet
    glint = (float(light.key[0]), float(light.key[1]), float(light.key_colour.mean()))
    for side in (-1.0, 1.0):
        draw_eye(picture, falling, glint, sheet, person, side, take.look)
    move_mouth(picture, falling, sheet, person, take.look)
    columns, rows = _unwarp(bust, pose, size)
    seen = look_up(picture, columns, rows)
    cover = look_up(bust.cover, columns, rows)
    margin = room.shape[0] - size
    left = int(margin * (0.5 + 0.15 * take.shift[0]))
    top = int(margin * (0.5 + 0.15 * take.shift[1]))
    behind = room[top : top + size, left : left + size]
    front = cv2.resize(seen * cover[..., None], (size, size), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    return expose(front + behind * (1 - alpha), camera, rng), _landmarks(bust, pose, take.look)
