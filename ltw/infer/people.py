"""Face clustering: which faces of a video are the same person's."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.faces import Box

SAME = 0.8
"""Affinity (alike + nearness / 8) from which two faces are taken for one person's."""

_BINS = (8, 16, 16)
_RANGES = (0, 256, 64, 192, 64, 192)


def cluster_faces(
    frames: Sequence[int], boxes: Sequence[Box], crops: NDArray[np.uint8]
) -> list[int]:
    """Return each face's person, numbered from 0 in the order of appearance.

    Faces, ordered by frame, go to the person whose face they resemble most, in looks and in place;
    two faces of one frame are never one person. Sampled frames may be seconds apart, so looks weigh
    more than place: people who swap seats stay themselves, and a cut to somebody else in the same
    seat begins a new person. It is not recognition: of two who look alike and cross, or of one
    after a long turn of the head, it may be wrong.
    """
    looks = [_look(crop) for crop in crops]
    people: list[list[int]] = []  # the faces of each
    numbers = [-1] * len(boxes)
    for frame in sorted(set(frames)):
        here = [face for face, at in enumerate(frames) if at == frame]
        pairs = [
            (_affinity(face, faces, boxes, looks), -face, number)
            for face in here
            for number, faces in enumerate(people)
        ]
        taken: set[int] = set()
        for affinity, minus_face, number in sorted(pairs, reverse=True):
            if affinity >= SAME and numbers[-minus_face] < 0 and number not in taken:
                numbers[-minus_face] = number
                taken.add(number)
        for face in here:
            if numbers[face] < 0:
                numbers[face] = len(people)
                people.append([])
            people[numbers[face]].append(face)
    return numbers


def seen_enough(frames: Sequence[int]) -> list[bool]:
    """Return who of the people, seen in so many frames each, counts for a video's score.

    Those seen at least a quarter as often as whoever is seen most, and more than once if anybody
    is. The most suspect of many decides, so each one more is one more chance of a false alarm, and
    a face of one or two frames (a passer-by, a poster, a false detection) is the noisiest of all.
    """
    most = max(frames, default=0)
    needed = max(min(2, most), ceil(most / 4))
    return [seen >= needed for seen in frames]


def _affinity(
    face: int, faces: Sequence[int], boxes: Sequence[Box], looks: Sequence[NDArray[np.float64]]
) -> float:
    alike = max(float(looks[face] @ looks[other]) for other in faces)
    return alike + _nearness(boxes[face], boxes[faces[-1]]) / 8


def _nearness(a: Box, b: Box) -> float:
    """Return 1 for centres that coincide, 0 from two sides of a face away."""
    side = (a[2] - a[0] + b[2] - b[0]) / 2
    distance = hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2
    return max(0.0, 1 - distance / (2 * side)) if side else 0.0


def _look(crop: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the roots of a crop's colour histogram: the product of two is their overlap in [0, 1].

    Colours (of skin, hair, light, and the room behind) hold while a head turns, as pixels do not:
    on 13 takes, 5 of real people, overlaps are above 0.98 within and below 0.85 between them.
    """
    colours = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([colours], [0, 1, 2], None, _BINS, _RANGES).astype(np.float64).ravel()
    return np.asarray(np.sqrt(counts / max(float(counts.sum()), 1.0)))
