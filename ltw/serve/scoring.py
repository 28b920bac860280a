"""Scoring, in a worker process: check a file against the limits, find its faces, score them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import MutableSequence
from dataclasses import dataclass, replace
from functools import cache

import av
import cv2
import numpy as np
from PIL import Image

from ltw.errors import DataError, LTWError
from ltw.faces import locate_faces
from ltw.infer import Detector, Prediction, Settings, find_faces
from ltw.infer.heat import heat_maps
from ltw.infer.prediction import Kind
from ltw.infer.report import FaceView, FrameView, make_view
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
        except (LTWError, OSError, cv2.error, av.FFmpegError) as error:
            reason = str(error).removeprefix(f"{task.path}: ").replace(task.path, task.name)
            return Refusal(422, f"The file cannot be scored: {reason}.")
        except MemoryError:
            return Refusal(422, "The file takes more memory than there is.")

    def _score(self, detector: Detector, task: Task) -> Scored:
        check(task, self.limits)
        frames = self.limits.frames
        try:
            found = find_faces(
                task.path,
                frames=frames,
                cut=detector.settings.cut,
                pictures=task.pictures,
                progress=self._show_progress,
            )
        except DataError:
            raise _damaged(task.kind) from None
        if found.kind != task.kind:  # a picture that does not decode is tried as a video
            raise _damaged(task.kind)
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


def _damaged(kind: Kind) -> Refusal:
    what = "picture" if kind == "image" else "video"
    return Refusal(422, f"The {what} is damaged or cut off and cannot be decoded.")


def _check_image(path: str, limits: Limits) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                size = image.size
    except Image.DecompressionBombError:
        raise Refusal(
            422, f"The picture has more than {limits.megapixels:g} megapixels, the limit."
        ) from None
    except (OSError, SyntaxError, ValueError):
        raise _damaged("image") from None
    _check_pixels("picture", size, limits.megapixels)


def _check_video(path: str, limits: Limits) -> None:
    try:
        container = av.open(path)
    except (av.FFmpegError, OSError):
        raise _damaged("video") from None
    with container:
        if not container.streams.video:
            raise Refusal(422, "There are no pictures in this video.")
        stream = container.streams.video[0]
        _check_pixels("video", (stream.width, stream.height), limits.video_megapixels)
        _check_length(container, stream, limits)


def _check_pixels(what: str, size: tuple[int, int], limit: float) -> None:
    if size[0] * size[1] > limit * 1e6:
        raise Refusal(
            422,
            f"The {what} is {size[0]} x {size[1]} pixels, "
            f"above the limit of {limit:g} megapixels; scale it down.",
        )


def _check_length(
    container: av.container.InputContainer, stream: av.VideoStream, limits: Limits
) -> None:
    """Count packets and follow their times: what a header says may be anything."""
    frames, first, last = 0, None, 0
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            frames += 1
            if packet.pts is not None:
                first = packet.pts if first is None else min(first, packet.pts)
                last = max(last, packet.pts)
            seconds = float((last - (first or 0)) * (stream.time_base or 0))
            if seconds > limits.video_seconds:
                raise Refusal(
                    422, f"The video is longer than {limits.video_seconds:g} s, the limit; cut it."
                )
            if frames > limits.video_frames:
                raise Refusal(
                    422, f"The video has more than {limits.video_frames} frames, the limit; cut it."
                )
    except av.FFmpegError:
        return  # scored by what can be read, which the prediction tells


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
