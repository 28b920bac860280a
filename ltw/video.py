"""Reading and writing video by PyAV: RGB frames in, RGB frames out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from ltw.errors import DataError

VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v"}
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def write_video(
    path: Path, frames: Iterable[NDArray[np.uint8]], *, fps: int = 25, crf: int = 23
) -> None:
    """Encode uint8 (H, W, 3) RGB frames as H.264 (yuv420p), atomically; H and W must be even.

    ``crf`` is x264's constant rate factor: 23 and 40 are FaceForensics++'s c23 and c40.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # many clips are written at once: parallel over clips, not inside
        for index, frame in enumerate(frames):
            if index == 0:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    part.replace(path)


def read_frames(path: Path) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Yield (index, seconds, uint8 (H, W, 3) RGB) of every frame in order.

    Raises:
        DataError: the file is missing, is not a video, or breaks off while decoding.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path}: no video stream in this file")
            for index, frame in enumerate(container.decode(video=0)):
                yield index, float(frame.time or 0.0), frame.to_ndarray(format="rgb24")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except av.FFmpegError as error:
        raise DataError(f"{path}: cannot be decoded ({error.strerror})") from None
