"""Pre-cropped faces of one video, cut by somebody else: they go into the store as they came."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltw.data.clips import face_record, video_record
from ltw.data.store import Parameters
from ltw.data.store_writer import Part
from ltw.errors import DataError
from ltw.faces import Detection, crop, crop_box
from ltw.media.boundary import reading, without
from ltw.media.limits import LIMITS, Limits
from ltw.media.pictures import read_photo
from ltw.media.sampling import evenly_spaced
from ltw.media.types import Frame, Sample
from ltw.types import Clip, Face

DLIB_POINTS = (68, 81)
"""dlib's predictors give 68 landmarks, or 81 that begin with the same 68."""

Cropped = tuple[Face, NDArray[np.uint8], NDArray[np.uint8] | None]


def numbered(names: Iterable[str]) -> dict[int, str]:
    """Order pictures by frame, the last number in a name, e.g. 7 in ``000_003_0007.png``.

    Names without a number are left out; of two with the same number the first by name is taken.
    """
    found: dict[int, str] = {}
    for name in sorted(names):
        numbers = re.findall(r"\d+", Path(name).stem)
        if numbers:
            found.setdefault(int(numbers[-1]), name)
    return dict(sorted(found.items()))


def copy_clip(clip: Clip, parameters: Parameters, *, limits: Limits = LIMITS) -> Part:
    """Copy evenly spaced ones of ``clip.frames``; whatever is wrong is told in its video row.

    A picture of the store's size is kept bit for bit, another is resized; one that is not square
    is first padded by reflection, so that faces keep their proportions. A video some of whose
    frames are missing or damaged gives the faces of the others; one without any has failed.
    """
    there = {n: name for n, name in numbered(clip.frames).items() if (clip.path / name).is_file()}
    if not there:
        return Part(video_record(clip, parameters, "none of its frames is there"))
    amiss = Counter({"frames missing": len(clip.frames) - len(there)})
    frames: list[Frame] = []
    faces: list[Cropped] = []
    for k in evenly_spaced(len(there), parameters.frames):
        number, name = list(there.items())[k]
        try:
            with reading(clip.path / name):
                frame = Frame(number, math.nan, read_photo(clip.path / name, limits=limits))
                faces.append(_copy(clip, name, frame, parameters.size, amiss))
                frames.append(frame)
        except DataError as error:
            amiss[f"frames, {without(clip.path / name, error)}"] += 1
    reason = "; ".join(f"{what}: {n}" for what, n in amiss.items() if n)
    sample = Sample(frames, total=len(clip.frames), damage="")
    return Part(video_record(clip, parameters, reason, sample, len(faces)), faces)


def _copy(clip: Clip, name: str, frame: Frame, size: int, amiss: Counter[str]) -> Cropped:
    height, width = frame.image.shape[:2]
    whole = Detection((0.0, 0.0, width, height), _landmarks(clip, name, amiss), math.nan)
    square = crop_box(whole.box, margin=0, size=size)
    mask = _mask(clip, name, frame.image, amiss)
    return (
        face_record(clip, frame, whole, square, mask is not None),
        crop(frame.image, square, size),
        None if mask is None else crop(mask, square, size),
    )


def _mask(
    clip: Clip, name: str, image: NDArray[np.uint8], amiss: Counter[str]
) -> NDArray[np.uint8] | None:
    """Read a frame's mask, uint8 (H, W) like the frame; count one that cannot be used."""
    if clip.mask_path is None:
        return None
    try:
        mask: NDArray[np.uint8] = read_photo(clip.mask_path / name, background=0).max(axis=2)
        if mask.shape != image.shape[:2]:
            raise DataError("of another size than its frame")
    except DataError:
        amiss["masks missing, damaged or of another size"] += 1
        return None
    return mask


def _landmarks(clip: Clip, name: str, amiss: Counter[str]) -> NDArray[np.float32]:
    """Return the store's five points, float32 (5, 2), of dlib's; NaN where there are none."""
    unknown = np.full((5, 2), np.nan, np.float32)
    if clip.landmarks_path is None:
        return unknown
    file = (clip.landmarks_path / name).with_suffix(".npy")
    try:
        with reading(file):
            points = np.load(file, allow_pickle=False).astype(np.float32)
        if points.shape not in {(n, 2) for n in DLIB_POINTS}:
            raise DataError("not dlib's landmarks")
    except DataError:
        amiss["landmark files missing or damaged"] += 1
        return unknown
    # 36-41 and 42-47 go around the eyes, 30 is the tip of the nose, 48 and 54 end the mouth
    eyes = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
    return np.stack([*eyes, points[30], points[48], points[54]])
