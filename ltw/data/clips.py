"""Face extraction of one video: decode, detect, track one person, crop. Nothing is random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ltw.data.store import Parameters
from ltw.data.store_writer import Part, VideoRecord
from ltw.errors import DataError
from ltw.faces import Detection, crop, crop_box, follow_altered, follow_person
from ltw.files import unicode_name
from ltw.media.any_file import read_media
from ltw.media.boundary import reading, without
from ltw.media.limits import LIMITS, Limits
from ltw.media.types import Frame, Sample
from ltw.media.video import frames_at
from ltw.types import Clip, Face

Masks = dict[int, NDArray[np.uint8]]


def extract_clip(clip: Clip, parameters: Parameters, *, limits: Limits = LIMITS) -> Part:
    """Find and crop the faces of one clip; whatever is wrong with it is told in its video row.

    A video that breaks off or has damaged frames gives the faces of those that decode, and the row
    says so; one without a single face has failed. A photograph is a video of one frame. Of several
    people the one with the largest face is followed, unless masks say that another was altered.
    """
    try:
        with reading(clip.path):
            return _extract(clip, parameters, limits)
    except DataError as error:
        return Part(video_record(clip, parameters, _reason(clip, error)))


def _extract(clip: Clip, parameters: Parameters, limits: Limits) -> Part:
    sample = read_media(clip.path, parameters.frames, limits=limits).sample
    masks, mask_damage = _masks(clip, sample.frames, limits)
    images = [frame.image for frame in sample.frames]
    chosen = follow_person(images)
    if masks:
        chosen = follow_altered(images, [masks.get(f.index) for f in sample.frames], chosen)
    found = [(f, d) for f, d in zip(sample.frames, chosen, strict=True) if d is not None]
    if not found:
        return Part(video_record(clip, parameters, "no face found", sample))
    assert parameters.margin is not None, "None is for clips whose faces are cropped already"
    faces = []
    for frame, detection in found:
        detection = _as_told(detection, clip, frame)
        square = crop_box(detection.box, parameters.margin, parameters.size)
        mask = masks.get(frame.index)
        faces.append(
            (
                face_record(clip, frame, detection, square, mask is not None),
                crop(frame.image, square, parameters.size),
                None if mask is None else crop(mask, square, parameters.size),
            )
        )
    reason = "; ".join(filter(None, (sample.warning, mask_damage)))
    return Part(video_record(clip, parameters, reason, sample, len(faces)), faces)


def video_record(
    clip: Clip, parameters: Parameters, reason: str, sample: Sample | None = None, faces: int = 0
) -> VideoRecord:
    """Make the row of videos.parquet for ``clip``: a clip without faces has failed."""
    files = [clip.path / name for name in clip.frames] or [clip.path]
    return VideoRecord(
        video=clip.video,
        dataset=clip.dataset,
        domain=clip.domain,
        label=clip.label,
        compression=clip.compression,
        split=clip.split,
        path=unicode_name(str(clip.path)),
        bytes=sum(path.stat().st_size for path in files if path.is_file()),
        status="ok" if faces else "failed",
        reason=unicode_name(reason),
        frames_asked=parameters.frames,
        frames_total=sample.total if sample else 0,
        frames_decoded=len(sample.frames) if sample else 0,
        frames_with_face=faces,
    )


def _masks(clip: Clip, frames: Sequence[Frame], limits: Limits) -> tuple[Masks, str]:
    """Read the mask, uint8 (H, W), of each frame, and say what is amiss with the mask video."""
    if clip.mask_path is None:
        return {}, ""
    try:
        read = frames_at(clip.mask_path, [frame.index for frame in frames], limits=limits)
    except DataError as error:
        return {}, f"mask video: {_reason(clip, error)}"
    masks = {
        frame.index: read[frame.index].max(axis=2)
        for frame in frames
        if frame.index in read and read[frame.index].shape == frame.image.shape
    }
    missing = len(frames) - len(masks)
    return masks, f"mask video: frames missing or of another size: {missing}" if missing else ""


def face_record(
    clip: Clip,
    frame: Frame,
    detection: Detection,
    square: tuple[float, float, float, float],
    has_mask: bool,
) -> Face:
    """Join what the reader knew of a clip and what was found in one of its frames."""
    truth = clip.truth(frame.index)
    return Face(
        dataset=clip.dataset,
        domain=clip.domain,
        label=clip.label,
        compression=clip.compression,
        video=clip.video,
        split=clip.split,
        person=clip.person,
        source_video=clip.source_video,
        donor_person=clip.donor_person,
        donor_video=clip.donor_video,
        frame=frame.index,
        time=frame.time,
        detection_confidence=detection.confidence,
        box=detection.box,
        landmarks=tuple(detection.landmarks.ravel().tolist()),
        crop=square,
        has_mask=has_mask,
        quality=truth.quality,
        failure=truth.failure,
    )


def _as_told(detection: Detection, clip: Clip, frame: Frame) -> Detection:
    """Return the detection with the box of a detector's mistake, where the corpus makes one."""
    box = clip.truth(frame.index).box
    return detection if box is None else replace(detection, box=box)


def _reason(clip: Clip, error: DataError) -> str:
    """Return an error's message without the file's name, so that equal reasons can be counted."""
    text = without(clip.path, error)
    return text.removeprefix(f"{clip.mask_path}: ")
