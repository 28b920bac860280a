"""Reading and writing video by PyAV, and reading photographs: RGB frames in, RGB frames out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ltw.errors import DataError
from ltw.files import atomic
from ltw.h264 import UncertainError, decode_pictures, list_pictures

VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v"}
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
MAX_PIXELS = 150_000_000
"""Photographs with more pixels are refused: decoding one takes up to 1.5 GB of memory."""


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its number from 0, its time in seconds, uint8 (H, W, 3) RGB."""

    index: int
    time: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """Frames taken from a video of ``total`` frames; ``damage`` says what did not decode, or ""."""

    frames: list[Frame]
    total: int
    damage: str


def write_video(
    path: Path, frames: Iterable[NDArray[np.uint8]], *, fps: int = 25, crf: int = 23
) -> None:
    """Encode uint8 (H, W, 3) RGB frames as H.264 (yuv420p), atomically; H and W must be even.

    ``crf`` is x264's constant rate factor: 23 and 40 are FaceForensics++'s c23 and c40.
    """
    with atomic(path) as part, av.open(str(part), "w", format="mp4") as container:
        # x264's macroblock tree reads memory that nothing has written (AVX-512 code): with it, the
        # same frames give other bits in every run
        options = {"crf": str(crf), "mbtree": "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # many clips are written at once: parallel over clips, not inside
        for index, frame in enumerate(frames):
            if index == 0:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def read_frames(path: Path) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Yield (index, seconds, uint8 (H, W, 3) RGB) of every frame in order.

    Raises:
        DataError: the file is missing, is not a video, or breaks off while decoding.
    """
    with _video(path) as container:
        try:
            for index, frame in enumerate(container.decode(video=0)):
                yield index, float(frame.time or 0.0), _rgb(frame)
        except av.FFmpegError as error:
            raise DataError(f"{path}: cannot be decoded ({error.strerror})") from None


def evenly_spaced(total: int, n: int) -> list[int]:
    """Frame indices at the centres of ``n`` equal parts of a video of ``total`` frames, increasing.

    They span the whole video, avoid its very ends (often black or fading), and depend on nothing
    but the two numbers, so that a real video and its equally long fakes give matching frames.
    All frames are taken where there are no more than ``n``.
    """
    if total <= n:
        return list(range(total))
    return [(2 * k + 1) * total // (2 * n) for k in range(n)]


def sample_frames(path: Path, n: int) -> Sample:
    """Take ``n`` evenly spaced frames of the video at ``path`` (memory: ``n`` full frames).

    The length is what decodes, not what a header says. An H.264 video whose packets promise one
    frame each is decoded only as far as the wanted frames need (`ltw.h264`); damage in the rest is
    not noticed. Of any other, and where that part is damaged, every frame is decoded: frames are
    placed by the number of packets first, and again where another number decodes. A damaged frame
    is never returned; a video in which some were met is told by ``damage``.

    Raises:
        DataError: the file is missing, is not a video, or not one frame of it decodes.
    """
    sample = _decode_needed(path, lambda total: evenly_spaced(total, n))
    if sample is None:
        guess = _count_packets(path)
        sample = _decode(path, evenly_spaced(guess, n))
        if sample.total != guess:
            sample = _decode(path, evenly_spaced(sample.total, n))
    if not sample.frames:
        raise DataError(f"{path}: no frame of this video decodes")
    return sample


def frames_at(path: Path, indices: Collection[int]) -> dict[int, NDArray[np.uint8]]:
    """Decode the frames with these indices, uint8 (H, W, 3) RGB; absent ones are left out.

    Raises:
        DataError: the file is missing or is not a video.
    """
    sample = _decode_needed(path, lambda _: indices) or _decode(path, indices)
    return {frame.index: frame.image for frame in sample.frames}


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Read a photograph as uint8 (H, W, 3) RGB, turned upright as its EXIF says.

    Raises:
        DataError: the file is missing, no image, truncated, or has more than `MAX_PIXELS` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is stated
            image = Image.open(path)
        if image.width * image.height > MAX_PIXELS:
            raise DataError(
                f"{path}: {image.width}x{image.height} pixels, more than the limit of "
                f"{MAX_PIXELS // 10**6} megapixels; scale it down"
            )
        ImageOps.exif_transpose(image, in_place=True)  # in place: a copy would double the memory
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: more than the limit of {MAX_PIXELS // 10**6} megapixels; scale it down"
        ) from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not an image") from None
    except (OSError, SyntaxError) as error:  # SyntaxError is Pillow's for broken PNG chunks
        raise DataError(f"{path}: cannot be decoded ({error})") from None


def _decode_needed(path: Path, choose: Callable[[int], Collection[int]]) -> Sample | None:
    """Decode what the frames that ``choose`` names, given their total, need; None if uncertain."""
    try:
        with _video(path) as container:
            container.streams.video[0].thread_count = 1  # jobs are parallel over videos
            pictures = list_pictures(container)
            wanted = choose(len(pictures))
            decoded = decode_pictures(container, pictures, wanted)
            frames = [_frame(number, frame) for number, frame in decoded]
    except (UncertainError, av.FFmpegError):
        return None
    return Sample(sorted(frames, key=lambda frame: frame.index), len(pictures), "")


def _count_packets(path: Path) -> int:
    """Count video packets without decoding: mostly the number of frames, also where headers lie."""
    with _video(path) as container:
        try:
            return sum(packet.size > 0 for packet in container.demux(video=0))
        except av.FFmpegError:
            return 0  # decoding finds out how far the file goes


def _decode(path: Path, indices: Collection[int]) -> Sample:
    """Decode to the end, keep the frames at ``indices``, count all frames and the damaged."""
    wanted, frames, total, damaged = set(indices), [], 0, 0
    with _video(path) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1  # jobs are parallel over videos
        promised = stream.frames
        for frame in _surviving(container):
            if frame is None or frame.is_corrupt:
                damaged += 1
            elif total in wanted:
                frames.append(_frame(total, frame))
            total += frame is not None
    reasons = [f"{damaged} damaged"] if damaged else []
    if promised > total:
        reasons.append(f"{total} of {promised} frames decode")
    return Sample(frames, total, "; ".join(reasons))


def _surviving(container: av.container.InputContainer) -> Iterator[av.VideoFrame | None]:
    """Yield the frames that decode, and None for every packet that does not."""
    packets = container.demux(video=0)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except av.FFmpegError:  # the container itself breaks off
            yield None
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            yield None


def _frame(index: int, frame: av.VideoFrame) -> Frame:
    return Frame(index, float(frame.time or 0.0), _rgb(frame))


def _rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return the frame upright: phones film sideways, and say so in the file."""
    turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return np.ascontiguousarray(turned, np.uint8)


def _video(path: Path) -> av.container.InputContainer:
    try:
        container = av.open(str(path))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{path}: cannot be decoded ({error.strerror})") from None
    if not container.streams.video:
        container.close()
        raise DataError(f"{path}: no video stream in this file")
    return container
