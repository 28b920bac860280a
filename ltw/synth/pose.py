"""Head pose: projection from the sheet to the picture and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ltw.synth.bust import Bust
from ltw.synth.expression import Expression
from ltw.synth.motion import Take
from ltw.synth.mouth import mouth_corner
from ltw.synth.relief import X_RANGE, Y_RANGE, Map, blur, locate, look_up

FACE_UNIT = 0.305
"""Eye-to-chin distance over the frame's height: the box of a detector then takes about half."""

OVERSAMPLE = 1.5
PIVOT = np.array([0.0, 0.75, -0.25])
"""The point of the neck about which the head turns, in face units."""


@dataclass(frozen=True)
class Pose:
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


def pose_of(take: Take, size: int) -> Pose:
    """The pose of a moment, for pictures of ``size`` pixels."""
    rotation = Rotation.from_euler("yxz", [take.yaw, take.pitch, take.roll]).as_matrix()
    unit = FACE_UNIT * size * take.zoom
    offset = np.array([0.5 * size, 0.46 * size]) + unit * np.array(take.shift)
    return Pose(rotation, unit, offset)


def unwarp(bust: Bust, pose: Pose, size: int) -> tuple[Map, Map]:
    """Sheet pixel seen at each picture pixel, oversampled: inverse of the pose by iteration."""
    coarse = max(size // 2, 64)
    ppu = bust.sheet.ppu
    centres = (np.arange(coarse, dtype=np.float32) + 0.5) * np.float32(size / coarse) - 0.5
    target_x, target_y = np.meshgrid(centres, centres)
    x = ((target_x - pose.offset[0]) / pose.scale).astype(np.float32)
    y = ((target_y - pose.offset[1]) / pose.scale).astype(np.float32)
    for _ in range(14):
        column = (x - X_RANGE[0]) * np.float32(ppu)
        row = (y - Y_RANGE[0]) * np.float32(ppu)
        z = look_up(bust.bulk, column, row)
        rigid = look_up(bust.rigid, column, row)
        seen_x, seen_y = pose.project(x, y, z, rigid)
        x = x + np.float32(0.7 / pose.scale) * (target_x - seen_x)
        y = y + np.float32(0.7 / pose.scale) * (target_y - seen_y)
    x, y = blur(x, 1.0), blur(y, 1.0)  # where a cheek turns away the iteration leaves steps
    fine = round(size * OVERSAMPLE)
    columns = cv2.resize(
        (x - X_RANGE[0]) * np.float32(ppu), (fine, fine), interpolation=cv2.INTER_CUBIC
    )
    rows = cv2.resize(
        (y - Y_RANGE[0]) * np.float32(ppu), (fine, fine), interpolation=cv2.INTER_CUBIC
    )
    return columns.astype(np.float32), rows.astype(np.float32)


def find_landmarks(bust: Bust, pose: Pose, look: Expression) -> NDArray[np.float32]:
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
    z = look_up(bust.bulk, column, row)
    rigid = look_up(bust.rigid, column, row)
    x = column / bust.sheet.ppu + X_RANGE[0]
    y = row / bust.sheet.ppu + Y_RANGE[0]
    seen = pose.project(x.astype(np.float32), y.astype(np.float32), z, rigid)
    return np.concatenate(seen, axis=1).astype(np.float32)
