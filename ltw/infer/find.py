"""Face detection in a file: decode, detect, crop, cluster. The costly half, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.faces import (
    CROP_SIZE,
    MARGIN,
    Box,
    Detection,
    crop,
    crop_box,
    follow_person,
    iou,
    locate_faces,
)
from ltw.infer.people import cluster_faces
from ltw.media.any_file import read_media
from ltw.media.boundary import reading, without
from ltw.media.formats import VIDEO_SUFFIXES, Kind
from ltw.media.limits import LIMITS, Limits
from ltw.media.types import Frame

FRAMES = 32
"""Frames looked at in a video."""

SAME_FACE = 0.3
"""Overlap from which two detections in one frame are one face found twice."""

PICTURE_SIDE = 960
"""Longest side of a kept picture."""


@dataclass(frozen=True)
class Cut:
    """How faces are cropped: ``size`` pixels a side, ``margin`` of them margin, as in training."""

    margin: int = MARGIN
    size: int = CROP_SIZE


USUAL_CUT = Cut()


@dataclass(frozen=True)
class FoundFace:
    """A face before it is scored; attributes as `ltw.infer.ScoredFace`'s."""

    frame: int
    time: float
    box: Box
    person: int


@dataclass(frozen=True)
class Found:
    """The faces of one file and their crops, uint8 (K, S, S, 3) RGB.

    ``pictures`` are the frames they were found in, JPEG by frame number, where they were asked for;
    ``size`` is (width, height) of a frame. A file with an ``error`` has no faces.
    """

    path: str
    kind: Kind
    faces: tuple[FoundFace, ...] = ()
    crops: NDArray[np.uint8] = field(default_factory=lambda: _stack([], CROP_SIZE))
    size: tuple[int, int] = (0, 0)
    pictures: Mapping[int, bytes] = field(default_factory=dict)
    warning: str | None = None
    error: str | None = None


def find_faces(
    path: str | Path,
    *,
    frames: int = FRAMES,
    cut: Cut = USUAL_CUT,
    pictures: bool = False,
    limits: Limits = LIMITS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """Find every face of a photograph, or of ``frames`` evenly spaced frames of a video.

    Done as for training: `ltw.data.clips` takes the same frames and, of the person it follows, the
    same boxes and crops. With ``pictures``, all frames are kept, reduced to `PICTURE_SIDE`.
    ``progress`` is called with how many frames have been searched, and of how many.

    Raises:
        DataError: the file is missing, is above a limit, or cannot be decoded; ``frames`` is below
            1.
    """
    if frames < 1:
        raise DataError(f"frames is {frames}; it must be at least 1")
    with reading(path):
        return _find(Path(path), str(path), frames, cut, pictures, limits, progress)


def _find(
    path: Path,
    name: str,
    frames: int,
    cut: Cut,
    pictures: bool,
    limits: Limits,
    progress: Callable[[int, int], None],
) -> Found:
    media = read_media(path, frames, limits=limits)
    sample = media.sample
    found = list(zip(sample.frames, _detect(sample.frames, progress), strict=True))
    faces = [(frame, detection) for frame, several in found for detection in several]
    crops = _stack(
        [crop(f.image, crop_box(d.box, cut.margin, cut.size), cut.size) for f, d in faces], cut.size
    )
    numbers = [frame.index for frame, _ in faces]
    people = cluster_faces(numbers, [d.box for _, d in faces], crops)
    height, width = sample.frames[0].image.shape[:2]
    return Found(
        path=name,
        kind=media.kind,
        faces=tuple(
            FoundFace(frame.index, frame.time, detection.box, person)
            for (frame, detection), person in zip(faces, people, strict=True)
        ),
        crops=crops,
        size=(width, height),
        pictures={f.index: _jpeg(f.image) for f in sample.frames} if pictures else {},
        warning=sample.warning or None,
    )


def try_to_find(
    path: str | Path, *, frames: int, cut: Cut, pictures: bool, limits: Limits
) -> Found:
    """`find_faces` for one of many files: what cannot be read is told by ``error``."""
    cv2.setNumThreads(1)  # files are done in parallel
    try:
        return find_faces(path, frames=frames, cut=cut, pictures=pictures, limits=limits)
    except DataError as error:
        return not_found(path, without(path, error))


def not_found(path: str | Path, error: str) -> Found:
    """Return what there is to say of a file that cannot be read."""
    video = Path(path).suffix.lower() in VIDEO_SUFFIXES
    return Found(str(path), "video" if video else "image", error=error)


def _detect(frames: Sequence[Frame], progress: Callable[[int, int], None]) -> list[list[Detection]]:
    """Return the faces of each frame, largest first.

    The person that training would follow is found as it would: boxes come out a few pixels
    different when the whole picture is searched. Everybody else is found in the whole picture.
    """
    images = [frame.image for frame in frames]
    detections = []
    for image, main in zip(images, follow_person(images), strict=True):
        found = locate_faces(image)
        if main is not None:
            others = [other for other in found if iou(other.box, main.box) < SAME_FACE]
            found = sorted([main, *others], key=lambda d: -d.area)
        detections.append(found)
        progress(len(detections), len(images))
    return detections


def _stack(crops: Sequence[NDArray[np.uint8]], size: int) -> NDArray[np.uint8]:
    return np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8)


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    height, width = image.shape[:2]
    scale = min(1.0, PICTURE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()
