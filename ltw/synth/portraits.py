"""People from a folder of portraits: one photograph, moved gently, becomes a take."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.faces import Detection, detect_faces
from ltw.media.formats import IMAGE_SUFFIXES
from ltw.media.limits import LIMITS
from ltw.media.pictures import picture_size, read_photo
from ltw.media.walk import walk
from ltw.synth.footage import Footage
from ltw.synth.sway import Sway, take
from ltw.synth.warp import Floats, Matrix, compose, invert, transform

FPS = 25

WORKING_SIDE = 1600
"""Longest side in pixels after reading; a clip is never larger than the face in it deserves."""

MIN_SIDE = 64
"""Photographs with a shorter side hold no face worth animating."""

Skip = tuple[str, str]
"""(file or person, why it is left out)."""


@dataclass(frozen=True)
class PortraitPerson:
    """One person of a portrait folder: ``photos`` are read only when the person is filmed."""

    name: str
    photos: tuple[Path, ...]


def find_people(folder: Path) -> tuple[list[PortraitPerson], list[Skip]]:
    """List the people of ``folder``, sorted by name, and the photographs that cannot be used.

    A person is a sub-folder, or all files that share a name up to the last underscore
    (``012_neutral.jpg``, ``012_smiling.jpg``). Only headers are read here; whether a face is found
    shows in `load_portrait`. Files that are no images by suffix are passed over.

    Raises:
        DataError: there is no such folder, or no usable photograph in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of portraits")
    photos: dict[str, list[Path]] = defaultdict(list)
    skips: list[Skip] = []
    for path in walk(folder).files:
        inner = path.relative_to(folder)
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if reason := _unusable(path):
            skips.append((inner.as_posix(), reason))
        else:
            alone = len(inner.parts) == 1
            photos[path.stem.rsplit("_", 1)[0] if alone else inner.parts[0]].append(path)
    if not photos:
        reasons = "".join(f"; {name}: {reason}" for name, reason in skips[:3])
        raise DataError(
            f"{folder}: no portraits ({', '.join(sorted(IMAGE_SUFFIXES))}) here{reasons}"
        )
    return [PortraitPerson(name, tuple(paths)) for name, paths in sorted(photos.items())], skips


@dataclass(frozen=True)
class Portrait:
    """A photograph, ``image`` uint8 (H, W, 3) RGB, and the largest face in it."""

    image: NDArray[np.uint8]
    face: Detection


def load_portrait(path: Path) -> Portrait:
    """Read a photograph and find its face; upright by its EXIF tag, at most ``WORKING_SIDE`` long.

    Raises:
        DataError: it cannot be read, is too small or too large, or shows no face.
    """
    if reason := _unusable(path):
        raise DataError(f"{path}: {reason}")
    image = read_photo(path)
    shrink = WORKING_SIDE / max(image.shape[:2])
    if shrink < 1:
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(
            np.uint8
        )
    faces = detect_faces(image)
    if not faces:
        raise DataError(f"{path}: no face found")
    return Portrait(image, faces[0])


def film_portrait(
    person: PortraitPerson, *, frames: int, size: int = 320, rng: np.random.Generator
) -> Footage:
    """Animate one of the person's photographs, drawn by ``rng``; the landmarks follow exactly.

    The whole head fills the frame, its face about half of the height. The head sways, tilts, nears
    and turns a little, mouth and eyelids move, exposure drifts and every frame has sensor noise.
    Every frame is sampled once from the photograph.

    Raises:
        DataError: as `load_portrait`.
    """
    portrait = load_portrait(person.photos[rng.integers(len(person.photos))])
    photo, landmarks, camera = _frame_head(portrait, size)
    sway = Sway.sample(rng)
    noise = np.float32(rng.uniform(0.8, 2.5))
    pictures = np.empty((frames, size, size, 3), np.uint8)
    places = np.empty((frames, 5, 2), np.float32)
    for t in range(frames):
        picture, places[t] = take(photo, landmarks, camera, size, sway.at(t / FPS))
        picture += noise * rng.standard_normal(picture.shape, np.float32)
        pictures[t] = np.rint(np.clip(picture, 0, 255))
    return Footage(pictures, places)


def _unusable(path: Path) -> str | None:
    """Why this photograph cannot be used, judged by its header alone; None where it can."""
    try:
        width, height = picture_size(path)
    except DataError:
        return "not a readable image"
    if min(width, height) < MIN_SIDE:
        return f"{width}x{height} pixels are too few; at least {MIN_SIDE} a side are needed"
    if width * height > LIMITS.picture_megapixels * 1e6:
        limit = f"{LIMITS.picture_megapixels:g} megapixels"
        return f"{width}x{height}, more pixels than the limit of {limit}; make it smaller"
    return None


def _frame_head(portrait: Portrait, size: int) -> tuple[NDArray[np.uint8], Floats, Matrix]:
    """The photograph at about the frame's scale, its landmarks, and its map to a frame at rest.

    The face is about half as high as the frame, more where the photograph would not fill it.
    """
    image, face = portrait.image, portrait.face
    x0, y0, x1, y1 = face.box
    height, width = (int(n) for n in image.shape[:2])
    longest = max(x1 - x0, y1 - y0)
    side = max(1.4 * longest, min(2.0 * longest, width, height))
    scale = size / side

    def start(centre: float, length: int) -> float:
        if side > length:
            return (length - side) / 2
        return min(max(centre - side / 2, 0.0), length - side)

    left, top = start((x0 + x1) / 2, width), start((y0 + y1) / 2, height)
    camera = np.array([[scale, 0.0, -scale * left], [0.0, scale, -scale * top]])
    if scale >= 1:
        return image, face.landmarks, camera
    # averaged down once, so that sampling it afterwards does not alias
    small = cv2.resize(
        image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
    )
    down = np.diag([small.shape[1] / width, small.shape[0] / height])
    shrink = np.column_stack([down, (np.diag(down) - 1) / 2])  # pixel centres, not corners
    points = transform(shrink, face.landmarks).astype(np.float32)
    return np.asarray(small, np.uint8), points, compose(camera, invert(shrink))
