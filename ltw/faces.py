"""Face detection and tracking by MTCNN, and the crop every stage uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.mtcnn import mtcnn

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels; may leave the picture."""

MARGIN = 16
CROP_SIZE = 224
DETECTION_SIDE = 960
"""Pictures with a longer side are searched on a copy reduced to this many pixels."""
MIN_SIZE = 30.0
"""Faces smaller than this on that copy are not looked for."""
ALTERED = 127
"""Value above which a pixel of a mask is forged: half of white, as lossy masks have noise."""
_STEP = 1 / 0.707
"""Ratio of two neighbouring face sizes in MTCNN's image pyramid."""


@dataclass(frozen=True)
class Detection:
    """A face found: box in pixels, landmarks float32 (5, 2), confidence in [0, 1].

    The landmarks are left eye, right eye, nose, left and right corner of the mouth, as seen in the
    picture (the subject's right eye comes first), x then y.
    """

    box: Box
    landmarks: NDArray[np.float32]
    confidence: float

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        x0, y0, x1, y1 = self.box
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def detect_faces(image: Image, min_size: float = 40.0) -> list[Detection]:
    """Find every face of at least ``min_size`` pixels, largest first; an empty list if none."""
    if min(image.shape[:2]) < 2 * 12:
        return []  # smaller than the detector's first window
    try:
        boxes, landmarks = mtcnn().detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), min_size)
    except ValueError:  # what mtcnn-runtime raises where its first stage proposes nothing
        return []
    found = [
        Detection(
            box=(float(b[0]), float(b[1]), float(b[2]), float(b[3])),
            landmarks=np.asarray(points, np.float32).reshape(2, 5).T.copy(),
            confidence=float(b[4]),
        )
        for b, points in zip(boxes, landmarks, strict=True)
    ]
    return sorted(found, key=lambda d: -d.area)


def locate_faces(image: Image, min_size: float = MIN_SIZE) -> list[Detection]:
    """`detect_faces` at bounded cost: on a copy of at most `DETECTION_SIDE` pixels a side.

    ``min_size`` counts in pixels of that copy, boxes and landmarks in pixels of ``image``.
    """
    height, width = image.shape[:2]
    return _search(image, (0, 0, width, height), _reduction(image), min_size)


def follow_person(images: Iterable[Image], last: Detection | None = None) -> list[Detection | None]:
    """Find one person in every frame of a video; None where they are not found.

    It begins with the face ``last`` of the frame before, or with the largest face of the first
    frame that has any; from there on it is the face that overlaps the last box found most. That one
    is looked for around the last box first, and in the whole picture, as by `locate_faces`, before
    it is given up.
    """
    chosen: list[Detection | None] = []
    for image in images:
        if last is None:
            pick = _largest(image)
        else:
            pick = _search_near(image, last.box) or _most_overlapping(locate_faces(image), last.box)
        chosen.append(pick)
        last = pick or last
    return chosen


def follow_altered(
    images: Sequence[Image],
    masks: Sequence[NDArray[np.uint8] | None],
    chosen: list[Detection | None],
) -> list[Detection | None]:
    """Return ``chosen``, as by `follow_person`, unless masks say that somebody else was altered.

    ``masks`` are uint8 (H, W) like the frames, above `ALTERED` where forged. Where the faces chosen
    hold less than half of what is forged, the one that holds most of it in the first frame that
    shows any is followed instead, to both ends of the video.
    """
    told = [(k, mask > ALTERED) for k, mask in enumerate(masks) if mask is not None]
    forged = [(k, area) for k, area in told if area.any() and chosen[k] is not None]
    held = sum(_inside(chosen[k], area) for k, area in forged)
    if 2 * held >= sum(int(area.sum()) for _, area in forged) > 0:
        return chosen
    for k, area in told:
        who = max(locate_faces(images[k]), key=lambda face: _inside(face, area), default=None)
        if _inside(who, area):
            before = follow_person(reversed(images[:k]), who)
            return [*reversed(before), who, *follow_person(images[k + 1 :], who)]
    return chosen


def _inside(face: Detection | None, area: NDArray[np.bool_]) -> int:
    """Return how many pixels of ``area`` are in a face's box."""
    if face is None:
        return 0
    x0, y0, x1, y1 = (max(0, round(v)) for v in face.box)
    return int(area[y0:y1, x0:x1].sum())


def _largest(image: Image) -> Detection | None:
    """Find the largest face, looking for large ones first: the small ones cost nearly all."""
    for skipped in (4, 2, 0):
        for found in locate_faces(image, MIN_SIZE * _STEP**skipped):
            return found
    return None


def _search_near(image: Image, box: Box) -> Detection | None:
    """Find the face that overlaps ``box`` most, within one side of ``box`` around it.

    A face of the same size that overlaps the box lies in there. One found near a cut edge may have
    been cut itself, so it is not taken. The scales searched are those of `locate_faces`, less those
    for much smaller faces: they cost most. (On a copy reduced further, boxes come out 1 to 2%
    smaller than in the whole picture, which would tell a video's first frame from the others.)
    """
    x0, y0, x1, y1 = box
    height, width = image.shape[:2]
    side, reduction = max(x1 - x0, y1 - y0), _reduction(image)
    left, top = max(0, floor(x0 - side)), max(0, floor(y0 - side))
    right, bottom = min(width, ceil(x1 + side)), min(height, ceil(y1 + side))
    if right <= left or bottom <= top:
        return None  # this picture is smaller than the one before
    skipped = max(0, floor(log(0.85 * side / reduction / MIN_SIZE, _STEP)))
    found = _search(image, (left, top, right, bottom), reduction, MIN_SIZE * _STEP**skipped)
    pick = _most_overlapping(found, box)
    if pick is None:
        return None
    clear = (
        (left == 0 or pick.box[0] > left + side / 4)
        and (top == 0 or pick.box[1] > top + side / 4)
        and (right == width or pick.box[2] < right - side / 4)
        and (bottom == height or pick.box[3] < bottom - side / 4)
    )
    return pick if clear else None


def _most_overlapping(found: Iterable[Detection], box: Box) -> Detection | None:
    pick = max(found, key=lambda d: iou(d.box, box), default=None)
    return pick if pick is not None and iou(pick.box, box) > 0 else None


def _reduction(image: Image) -> float:
    return max(1.0, int(max(image.shape[:2])) / DETECTION_SIDE)


def _search(
    image: Image, window: tuple[int, int, int, int], reduction: float, min_size: float
) -> list[Detection]:
    """Detect faces in a window (x0, y0, x1, y1) of the picture, reduced by ``reduction``.

    ``min_size`` counts in pixels of the reduced window, what is found in pixels of ``image``.
    """
    x0, y0, x1, y1 = window
    part = image[y0:y1, x0:x1]
    if reduction > 1:
        size = max(1, round((x1 - x0) / reduction)), max(1, round((y1 - y0) / reduction))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    scale = np.array([(x1 - x0) / part.shape[1], (y1 - y0) / part.shape[0]])
    moved = []
    for found in detect_faces(part, min_size):
        corners = np.reshape(found.box, (2, 2)) * scale + (x0, y0)
        landmarks = (found.landmarks * scale + (x0, y0)).astype(np.float32)
        moved.append(replace(found, box=tuple(corners.ravel().tolist()), landmarks=landmarks))
    return moved


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap
    return overlap / union


def crop_box(box: Box, margin: int = MARGIN, size: int = CROP_SIZE) -> Box:
    """Square box around ``box`` that, resized to ``size``, leaves ``margin`` pixels of it in all.

    The side is b + margin·b/(size - margin) for the longer side b (method.md, Data): faces keep
    their proportions, and the margin is counted in pixels of the crop, both sides together.
    """
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0)
    half = (side + margin * side / (size - margin)) / 2
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return (cx - half, cy - half, cx + half, cy + half)


def crop(image: NDArray[np.uint8], square: Box, size: int = CROP_SIZE) -> NDArray[np.uint8]:
    """Cut ``square`` (as from `crop_box`), resized to ``size``; borders are padded by reflection.

    ``image`` is uint8 (H, W, 3) or (H, W); the result has the same number of dimensions.
    """
    x0, y0, x1, y1 = (round(v) for v in square)
    side = max(x1 - x0, y1 - y0, 1)
    x1, y1 = x0 + side, y0 + side
    height, width = image.shape[:2]
    pad = max(0, -x0, -y0, x1 - width, y1 - height)
    if pad:
        # reflection can only repeat what the picture has, so cut the neighbourhood first
        image = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT_101).astype(
            np.uint8
        )
    cut = image[y0 + pad : y1 + pad, x0 + pad : x1 + pad]
    shrink = side > size
    return cv2.resize(
        cut, (size, size), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    ).astype(np.uint8)
