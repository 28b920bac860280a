"""Rendered people: `sample_person` draws an identity, `film` a take of it.

A person is painted once as a relief with reflectances (`bust`); a take lights it, moves eyes
and mouth, turns the head, and photographs it before a blurred room.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.errors import ConfigError
from ltw.synth.bust import Bust, paint
from ltw.synth.eyes import draw_eye
from ltw.synth.footage import Footage
from ltw.synth.identity import Person, sample_person
from ltw.synth.motion import Take, act
from ltw.synth.mouth import move_mouth
from ltw.synth.pose import FACE_UNIT, OVERSAMPLE, find_landmarks, pose_of, unwarp
from ltw.synth.relief import Map, look_up
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
    pose = pose_of(take, size)
    picture, falling = shade(bust, lit, light, pose.rotation)
    person, sheet = bust.person, bust.sheet
    glint = (float(light.key[0]), float(light.key[1]), float(light.key_colour.mean()))
    for side in (-1.0, 1.0):
        draw_eye(picture, falling, glint, sheet, person, side, take.look)
    move_mouth(picture, falling, sheet, person, take.look)
    columns, rows = unwarp(bust, pose, size)
    seen = look_up(picture, columns, rows)
    cover = look_up(bust.cover, columns, rows)
    margin = room.shape[0] - size
    left = int(margin * (0.5 + 0.15 * take.shift[0]))
    top = int(margin * (0.5 + 0.15 * take.shift[1]))
    behind = room[top : top + size, left : left + size]
    front = cv2.resize(seen * cover[..., None], (size, size), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    return expose(front + behind * (1 - alpha), camera, rng), find_landmarks(bust, pose, take.look)
