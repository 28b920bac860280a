"""Reading and writing video by PyAV: RGB frames in, RGB frames out, as a player shows them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.files import atomic
from ltw.media.boundary import reading
from ltw.media.display import Display, shown_size
from ltw.media.formats import FORMATS, format_of
from ltw.media.h264 import UncertainError, decode_pictures, list_pictures
from ltw.media.limits import LIMITS, Limits
from ltw.media.sampling import evenly_spaced
from ltw.media.types import Frame, Sample

_DEMUXERS = ",".join(name for known in FORMATS if known.kind == "video" for name in known.decoders)
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def write_video(
    path: Path, frames: Iterable[NDArray[np.uint8]], *, fps: int = 25, crf: int = 23
) -> None:
    """Encode uint8 (H, W, 3) RGB frames as H.264 (yuv420p), atomically; H and W must be even.

    ``crf`` is x264's constant rate factor: 23 and 40 are FaceForensics++'s c23 and c40.
    """
    with atomic(path) as part, av.open(f"file:{os.path.abspath(part)}", "w", format="mp4") as film:  # noqa: PTH100 - see `open_video`
        # x264's macroblock tree reads memory that nothing has written (AVX-512 code): with it, the
        # same frames give other bits in every run
        options = {"crf": str(crf), "mbtree": "0"}
        stream = film.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = Colorspace.ITU601  # what the frames are converted by
        stream.thread_count = 1  # many clips are written at once: parallel over clips, not inside
        for index, frame in enumerate(frames):
            if index == 0:
                stream.height, stream.width = frame.shape[:2]
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode())


def read_frames(
    path: Path, *, limits: Limits = LIMITS
) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Yield (index, seconds, uint8 (H, W, 3) RGB) of every frame in order.

    Raises:
        DataError: the file is missing, is not a video, is above a limit, or breaks off.
    """
    with reading(path), open_video(path, limits) as (container, stream):
        display = Display(path, stream, limits)
        for index, frame in enumerate(container.decode(stream)):
            yield index, float(frame.time or 0.0), display.show(frame)


def sample_frames(path: Path, n: int, *, limits: Limits = LIMITS) -> Sample:
    """Take ``n`` evenly spaced frames of the video at ``path``; fewer of very large ones.

    The length is what decodes, not what a header says. An H.264 video whose packets promise one
    frame each is decoded only as far as the wanted frames need (`ltw.media.h264`); damage in the
    rest is not noticed. Of any other, and where that part is damaged, every frame is decoded:
    frames are placed by the number of packets first, and again where another number decodes. A
    damaged frame is never returned; a video in which some were met is told by ``damage``.

    Raises:
        DataError: the file is missing, is not a video, is above a limit, or not one frame decodes.
    """
    with reading(path):
        held, told = _affordable(path, n, limits)
        sample = _decode_needed(path, lambda total: evenly_spaced(total, held), limits)
        if sample is None:
            guess = _count_packets(path, limits)
            sample = _decode(path, evenly_spaced(guess, held), limits)
            if sample.total != guess:
                sample = _decode(path, evenly_spaced(sample.total, held), limits)
        if not sample.frames:
            raise DataError(f"{path}: no frame of this video decodes")
        fewer = told if sample.total > held else ""
        display = "; ".join(filter(None, (sample.display, fewer)))
        return Sample(sample.frames, sample.total, sample.damage, display)


def frames_at(
    path: Path, indices: Collection[int], *, limits: Limits = LIMITS
) -> dict[int, NDArray[np.uint8]]:
    """Decode the frames with these indices, uint8 (H, W, 3) RGB; absent ones are left out.

    Raises:
        DataError: the file is missing, is not a video, or is above a limit.
    """
    with reading(path):
        sample = _decode_needed(path, lambda _: indices, limits) or _decode(path, indices, limits)
        return {frame.index: frame.image for frame in sample.frames}


@contextmanager
def open_video(
    path: Path, limits: Limits = LIMITS
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video of a format on the list and choose the stream that a player shows.

    Raises:
        DataError: the file is missing, is of another format, holds no video or one above a limit,
            or its codec is unknown.
        av.FFmpegError: FFmpeg cannot read it.
    """
    known = format_of(path)
    if known.kind == "image":
        raise DataError(f"{path}: a picture ({known.name}), not a video")
    # FFmpeg would take "http:/a.mp4" and "12:30.mp4" for addresses. It is given an absolute path,
    # no other protocol, and no demuxer that opens the files which a playlist names.
    container = av.open(
        f"file:{os.path.abspath(path)}",  # noqa: PTH100 - Path.resolve would follow links
        format=known.decoders[0],  # not as FFmpeg thinks, which listens to the suffix
        options={"max_pixels": str(int(limits.frame_megapixels * 1e6))},
        container_options={"protocol_whitelist": "file", "format_whitelist": _DEMUXERS},
        metadata_errors="replace",
    )
    with container:
        stream = _film(path, container)
        limits.check_frame(path, stream.width, stream.height)
        limits.check_frame(path, *_size(stream))
        stream.thread_count = 1  # jobs are parallel over videos
        yield container, stream


def _film(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """Choose the first film that the file itself calls the default, else the first."""
    films = [stream for stream in container.streams.video if not stream.disposition & _NO_FILM]
    if not films:
        only = ", only a cover picture" if container.streams.video else ""
        raise DataError(f"{path}: no video stream in this file{only}")
    default = (stream for stream in films if stream.disposition & Disposition.default)
    stream = next(default, films[0])
    if stream.codec_context is None:  # PyAV's word for it, whatever its types say
        raise DataError(f"{path}: no decoder for the codec of this video")
    return stream


def _size(stream: av.VideoStream) -> tuple[int, int]:
    return shown_size(stream.width, stream.height, stream.sample_aspect_ratio or Fraction(1))


def _affordable(path: Path, asked: int, limits: Limits) -> tuple[int, str]:
    """Return how many frames may be held at once, and what there is to say if they are fewer."""
    with open_video(path, limits) as (_, stream):
        width, height = _size(stream)
    held = limits.frames(asked, width, height)
    told = f"{held} of {asked} frames looked at, for their size of {width}x{height} pixels"
    return held, told if held < asked else ""


def _decode_needed(
    path: Path, choose: Callable[[int], Collection[int]], limits: Limits
) -> Sample | None:
    """Decode what the frames that ``choose`` names, given their total, need; None if uncertain."""
    try:
        with open_video(path, limits) as (container, stream):
            pictures = list_pictures(container, stream)
            wanted = choose(len(pictures))
            display = Display(path, stream, limits)
            frames = [
                _frame(number, frame, display)
                for number, frame in decode_pictures(container, stream, pictures, wanted)
            ]
    except (UncertainError, av.FFmpegError):
        return None
    frames.sort(key=lambda frame: frame.index)
    return Sample(frames, len(pictures), display="; ".join(display.warnings))


def _count_packets(path: Path, limits: Limits) -> int:
    """Count video packets without decoding: mostly the number of frames, also where headers lie."""
    with open_video(path, limits) as (container, stream):
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError:
            return 0  # decoding finds out how far the file goes


def _decode(path: Path, indices: Collection[int], limits: Limits) -> Sample:
    """Decode to the end, keep the frames at ``indices``, count all frames and the damaged."""
    wanted, frames, total, damaged = set(indices), [], 0, 0
    with open_video(path, limits) as (container, stream):
        display = Display(path, stream, limits)
        promised = stream.frames
        for frame in _surviving(container, stream):
            if frame is None or frame.is_corrupt:
                damaged += 1
            elif total in wanted:
                frames.append(_frame(total, frame, display))
            total += frame is not None
    reasons = [f"{damaged} damaged"] if damaged else []
    if promised > total:
        reasons.append(f"{total} of {promised} frames decode")
    return Sample(frames, total, "; ".join(reasons), "; ".join(display.warnings))


def _surviving(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.VideoFrame | None]:
    """Yield the frames that decode, and None for every packet that does not."""
    packets = container.demux(stream)
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


def _frame(index: int, frame: av.VideoFrame, display: Display) -> Frame:
    return Frame(index, float(frame.time or 0.0), display.show(frame))
