"""Face detection by MTCNN, and the crop every stage uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from unittest.mock import patch

import cv2
import numpy as np
import onnxruntime
from mtcnnruntime import MTCNN
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels; may leave the picture."""

MARGIN = 16
CROP_SIZE = 224
DETECTION_SIDE = 960
"""Pictures with a longer side are searched on a copy reduced to this many pixels."""


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


@cache
def _mtcnn() -> MTCNN:
    # MTCNN's networks are so small that more threads make them slower (3 times on 2 cores), and
    # jobs run in parallel over videos; mtcnn-runtime passes no session options through.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = partial(onnxruntime.InferenceSession, sess_options=options)
    with patch.object(onnxruntime, "InferenceSession", session):
        return MTCNN()


def detect_faces(image: Image, min_size: float = 40.0) -> list[Detection]:
    """Find every face of at least ``min_size`` pixels, largest first; an empty list if none."""
    if min(image.shape[:2]) < 2 * 12:
        return []  # smaller than the detector's first window
    try:
        boxes, landmarks = _mtcnn().detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), min_size)
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


def locate_faces(image: Image, min_size: float = 30.0) -> list[Detection]:
    """`detect_faces` at bounded cost: on a copy of at most `DETECTION_SIDE` pixels a side.

    ``min_size`` counts in pixels of that copy, boxes and landmarks in pixels of ``image``.
    """
    shrink = max(image.shape[:2]) / DETECTION_SIDE
    if shrink <= 1:
        return detect_faces(image, min_size)
    height, width = (max(1, round(side / shrink)) for side in image.shape[:2])
    copy = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    x, y = image.shape[1] / width, image.shape[0] / height
    return [
        replace(
            found,
            box=(found.box[0] * x, found.box[1] * y, found.box[2] * x, found.box[3] * y),
            landmarks=found.landmarks * np.asarray([x, y], np.float32),
        )
        for found in detect_faces(copy, min_size)
    ]


def follow_person(frames: Iterable[list[Detection]]) -> list[Detection | None]:
    """Choose the same person in every frame of a video, given each frame's detections.

    It begins with the largest face of the first frame that has any; from there on it is the face
    that overlaps the last chosen box most, and None where nothing overlaps it.
    """
    chosen: list[Detection | None] = []
    last: Detection | None = None
    for found in frames:
        pick: Detection | None = None
        if last is None:
            pick = max(found, key=lambda d: d.area, default=None)
        else:
            box = last.box
            nearest = max(found, key=lambda d: iou(d.box, box), default=None)
            pick = nearest if nearest is not None and iou(nearest.box, box) > 0 else None
        chosen.append(pick)
        last = pick or last
    return chosen


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
