"""Frames of an H.264 video without decoding all of it, bit for bit what decoding all of it gives.

Two rules of the standard (ITU-T H.264) make that exact. A picture whose ``nal_ref_idc`` is 0 is
used by no other picture, so an unwanted one can be left out: about half of all where there are B
frames. An IDR picture makes the decoder forget what came before, so that everything between the
last wanted frame and the next IDR picture can be left out too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import av

_IDR, _SLICES, _PARAMETER_SETS = 5, (1, 2, 5), (7, 8)
"""Types of NAL unit: those of a picture (2: the first partition of a slice), and SPS and PPS."""


class UncertainError(Exception):
    """Only decoding every frame can tell which frames this video has; the message says why."""


@dataclass(frozen=True)
class Picture:
    """What a packet tells without being decoded.

    ``pts`` is when the picture is shown; decoding can begin at a ``restart``; other pictures may
    be predicted from a ``reference``.
    """

    pts: int
    restart: bool
    reference: bool


def list_pictures(container: av.container.InputContainer, stream: av.VideoStream) -> list[Picture]:
    """List the pictures of a video stream, in decoding order.

    Raises:
        UncertainError: one frame a packet, in the order of the time stamps, cannot be relied on.
        av.FFmpegError: the container breaks off.
    """
    extradata = stream.codec_context.extradata
    if stream.codec_context.name != "h264" or not extradata or extradata[0] != 1:
        raise UncertainError("not H.264 as MP4 and Matroska keep it")
    pictures, parameters = [], []
    for packet in container.demux(stream):
        if packet.size:
            header, own_parameters = _look_into(packet, (extradata[4] & 3) + 1)
            if packet.pts is None or packet.is_discard or packet.has_sidedata("new_extradata"):
                raise UncertainError("no time stamps, hidden frames, or another decoder on the way")
            pictures.append(Picture(packet.pts, header & 31 == _IDR, header >> 5 & 3 > 0))
            parameters.append(own_parameters)
    if any(parameters):  # an IDR picture without its own may need those of an earlier packet
        pictures = [
            replace(picture, restart=picture.restart and own)
            for picture, own in zip(pictures, parameters, strict=True)
        ]
    if not pictures or not pictures[0].restart:
        raise UncertainError("it does not begin with an IDR picture")
    if len({picture.pts for picture in pictures}) < len(pictures):
        raise UncertainError("two pictures have one time stamp")
    if stream.frames not in (0, len(pictures)):
        raise UncertainError("the container promises another number of frames")
    return pictures


def decode_pictures(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    pictures: Sequence[Picture],
    wanted: Collection[int],
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield the frames at ``wanted``, counted from 0 as shown, with their numbers.

    ``pictures`` are those that `list_pictures` found in the same stream.

    Raises:
        UncertainError: a packet did not give one whole frame; what was yielded must be thrown away.
        av.FFmpegError: a packet does not decode.
    """
    codec = stream.codec_context
    shown = sorted(range(len(pictures)), key=lambda k: pictures[k].pts)
    numbers = {pictures[shown[n]].pts: n for n in wanted if 0 <= n < len(shown)}
    needed = _needed(pictures, {shown[n] for n in numbers.values()})
    missing = {picture.pts for picture, use in zip(pictures, needed, strict=True) if use}

    def arrived(frames: list[av.VideoFrame]) -> Iterator[tuple[int, av.VideoFrame]]:
        for frame in frames:
            if frame.is_corrupt or frame.pts not in missing:
                raise UncertainError("a damaged frame, or one that no packet announced")
            missing.remove(frame.pts)
            if frame.pts in numbers:
                frame.time_base = stream.time_base  # unset in those the decoder had held back
                yield numbers[frame.pts], frame

    container.seek(pictures[0].pts, stream=stream)  # to its start; opening it again costs more
    packets = (packet for packet in container.demux(stream) if packet.size)
    for packet, picture, use in zip(packets, pictures, needed, strict=False):
        if packet.pts != picture.pts:
            raise UncertainError("the container does not go back to its start")
        if use and picture.restart:
            yield from arrived(codec.decode(None))  # the frames held back for reordering
            codec.flush_buffers()
        if use:
            yield from arrived(codec.decode(packet))
    yield from arrived(codec.decode(None))
    if missing:
        raise UncertainError("a packet gave no frame")


def _needed(pictures: Sequence[Picture], wanted: Collection[int]) -> list[bool]:
    """Which pictures have to be decoded for those at ``wanted``, both in decoding order."""
    needed, more_to_come = [False] * len(pictures), False
    for k in reversed(range(len(pictures))):
        needed[k] = k in wanted or (more_to_come and pictures[k].reference)
        more_to_come = (more_to_come or k in wanted) and not pictures[k].restart
    return needed


def _look_into(packet: av.Packet[av.VideoStream], length_size: int) -> tuple[int, bool]:
    """Return the first header byte of the packet's picture, and if parameter sets come before it.

    A packet is a row of NAL units, each with its length in ``length_size`` bytes before it.
    """
    data, at, parameters = memoryview(packet), 0, False
    while not packet.is_corrupt and at + length_size < len(data):
        header = data[at + length_size]
        if header & 31 in _SLICES:
            return header, parameters
        parameters |= header & 31 in _PARAMETER_SETS
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    raise UncertainError("a packet is cut, or holds no picture")
