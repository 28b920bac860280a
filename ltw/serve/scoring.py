"""Scoring, in a worker process: check a file against the limits, find its faces, score them."""

from __future__ import annotations

import sys
from collections.abc import MutableSequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

from ltw.errors import DataError, LTWError
from ltw.faces import locate_faces
from ltw.infer import Detector, Prediction, Settings, find_faces
from ltw.infer.heat import heat_maps
from ltw.infer.report import FaceView, FrameView, make_view
from ltw.media import limits as media
from ltw.media.boundary import reading, without
from ltw.media.formats import Kind
from ltw.media.pictures import picture_size
from ltw.media.video import open_video
from ltw.serve.limits import Limits, Refusal


@dataclass(frozen=True)
class Task:
    """A file to score: where it lies, how the user calls it, what its first bytes say it is.

    With ``pictures``, what the page shows is made too.
    """

    path: str
    name: str
    kind: Kind
    pictures: bool


@dataclass(frozen=True)
class Scored:
    """A scored file, the (width, height) its boxes are in, and its most suspect frames and faces.

    Pictures are data URIs; there are none where the task asked for none.
    """

    prediction: Prediction
    size: tuple[int, int]
    pictures: tuple[FrameView, ...] = ()
    faces: tuple[FaceView, ...] = ()


Answer = Settings | Scored | Refusal


@dataclass(frozen=True)
class Scorer:
    """Scorer of a worker: call it with a task; None loads the model and returns its settings.

    ``progress`` is shared memory: frames searched, and of how many.
    """

    model: str
    limits: Limits
    threads: int
    progress: MutableSequence[int]

    def __call__(self, task: Task | None) -> Answer:
        """Do one task; a file that cannot be scored is a returned `Refusal`."""
        detector = _load(self.model, self.threads)
        if task is None:
            return detector.settings
        try:
            return self._score(detector, task)
        except Refusal as refusal:
            return refusal
        except LTWError as error:
            reason = without(task.path, error).replace(task.path, task.name)
            return Refusal(422, f"The file cannot be scored: {reason}.")

    def _score(self, detector: Detector, task: Task) -> Scored:
        check(task, self.limits)
        frames = self.limits.frames
        try:
            found = find_faces(
                task.path,
                frames=frames,
                cut=detector.settings.cut,
                pictures=task.pictures,
                limits=media.Limits(self.limits.megapixels, self.limits.video_megapixels),
                progress=self._show_progress,
            )
        except DataError as error:
            raise _damaged(
                task.kind, without(task.path, error).replace(task.path, task.name)
            ) from None
        prediction = replace(detector.judge(found), path=task.name)
        if not task.pictures:
            return Scored(prediction, found.size)
        entry = make_view(detector, found, prediction)
        return Scored(prediction, found.size, entry.pictures, entry.views)

    def _show_progress(self, done: int, total: int) -> None:
        self.progress[:] = [done, total]


def check(task: Task, limits: Limits) -> None:
    """Read a file's headers, and of a video all packets, without decoding a pixel.

    Raises:
        Refusal: 422, it has too many pixels, is too long, or is no file of its kind.
    """
    if task.kind == "image":
        _check_image(task.path, limits)
    else:
        _check_video(task.path, limits)


def _damaged(kind: Kind, reason: str = "") -> Refusal:
    what = "picture" if kind == "image" else "video"
    said = f": {reason}" if reason else ""
    return Refusal(422, f"The {what} is damaged, or cannot be shown{said}.")


def _check_image(path: str, limits: Limits) -> None:
    try:
        size = picture_size(Path(path))
    except DataError:
        raise _damaged("image") from None
    _check_pixels("picture", size, limits.megapixels)


def _check_video(path: str, limits: Limits) -> None:
    file = Path(path)
    try:
        with reading(file), open_video(file, _relaxed(limits)) as (container, stream):
            size = stream.width, stream.height
            too_long = _too_long(container, stream, limits)
    except DataError as error:
        raise _damaged("video", without(file, error)) from None
    _check_pixels("video", size, limits.video_megapixels)
    if too_long:
        raise Refusal(422, f"The video {too_long}, the limit; cut it.")


def _relaxed(limits: Limits) -> media.Limits:
    """Return limits that leave the judgement of a video's size to the service's own."""
    return media.Limits(frame_megapixels=max(36, limits.video_megapixels))


def _check_pixels(what: str, size: tuple[int, int], limit: float) -> None:
    if size[0] * size[1] > limit * 1e6:
        raise Refusal(
            422,
            f"The {what} is {size[0]} x {size[1]} pixels, "
            f"above the limit of {limit:g} megapixels; scale it down.",
        )


def _too_long(
    container: av.container.InputContainer, stream: av.VideoStream, limits: Limits
) -> str:
    """Count packets and follow their times, as headers may say anything; "" for a short video."""
    frames, first, last = 0, None, 0
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            frames += 1
            if packet.pts is not None:
                first = packet.pts if first is None else min(first, packet.pts)
                last = max(last, packet.pts)
            if float((last - (first or 0)) * (stream.time_base or 0)) > limits.video_seconds:
                return f"is longer than {limits.video_seconds:g} s"
            if frames > limits.video_frames:
                return f"has more than {limits.video_frames} frames"
    except av.FFmpegError:
        pass  # scored by what can be read, which the prediction tells
    return ""


@cache
def _load(model: str, threads: int) -> Detector:
    cv2.setNumThreads(1)  # files are done in parallel
    detector = Detector.load(model)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    crops = np.zeros((1, 64, 64, 3), np.uint8)  # once through everything that loads when first used
    locate_faces(crops[0])
    detector.score(crops)
    heat_maps(detector.network, detector.prepare(crops), 64)
    return detector
