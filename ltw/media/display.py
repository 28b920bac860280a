"""A decoded frame of a video as a player shows it: upright, square pixels, 8 bits, no comb."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from ltw.media.hdr import CURVES
from ltw.media.limits import Limits

Matrix = tuple[float, float, float, float]
"""(a, b, c, d): the point (x, y) of a stored frame is shown at (ax + cy, bx + dy)."""

_UPRIGHT: Matrix = (1.0, 0.0, 0.0, 1.0)
_ICTCP = {14, 15}  # colour spaces of Dolby Vision's own profile; what they are made of is not read
_UNNAMED = 2  # the code for a colour matrix that is not told
_HD_HEIGHT = 576
"""Higher frames that do not name their colour matrix are taken for HD's, as by players."""


class Display:
    """Shows the frames of one stream; ``warnings`` are what could not be shown as it was meant."""

    def __init__(self, path: Path, stream: av.VideoStream, limits: Limits) -> None:
        self.warnings: dict[str, None] = {}
        self._path = path
        self._limits = limits
        self._aspect = stream.sample_aspect_ratio or Fraction(1)
        self._reformatter = VideoReformatter()  # one for all frames: HDR's tables cost seconds

    def show(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return a frame as uint8 (H, W, 3) RGB.

        Raises:
            DataError: it is above a limit.
        """
        self._limits.check_frame(self._path, *shown_size(frame.width, frame.height, self._aspect))
        matrix = self._matrix(frame)
        if frame.interlaced_frame:
            self._warn("interlaced: every second line is made up from its neighbours")
            frame = _deinterlaced(frame)
        image = self._rgb(frame)
        if self._aspect != 1:
            size = shown_size(frame.width, frame.height, self._aspect)
            image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        return _turned(image, matrix)

    def _warn(self, text: str) -> None:
        self.warnings[text] = None

    def _rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        if frame.color_trc in CURVES:
            self._warn(
                f"HDR ({CURVES[frame.color_trc]}): shown in standard range, what is "
                "brighter than white is cut off"
            )
            shown = self._reformatter.reformat(
                frame,
                format="rgb24",
                dst_color_trc=ColorTrc.IEC61966_2_1,
                dst_color_primaries=ColorPrimaries.BT709,
            )
        else:
            if frame.colorspace in _ICTCP or _side_data(frame, "DOVI_METADATA"):
                self._warn("Dolby Vision: its colours cannot be shown as they were meant")
            unnamed = frame.colorspace == _UNNAMED and frame.height > _HD_HEIGHT
            shown = self._reformatter.reformat(
                frame, format="rgb24", src_colorspace=Colorspace.ITU709 if unnamed else None
            )
        return np.asarray(shown.to_ndarray(), np.uint8)

    def _matrix(self, frame: av.VideoFrame) -> Matrix:
        """Return the display matrix, made of 0, 1 and -1."""
        side_data = _side_data(frame, "DISPLAYMATRIX")
        if not side_data:
            return _UPRIGHT
        a, b, _, c, d = np.frombuffer(side_data, np.int32)[:5].astype(float).tolist()
        straight = (np.sign(a), 0.0, 0.0, np.sign(d))
        turned = (0.0, np.sign(b), np.sign(c), 0.0)
        whole = straight if abs(a * d) >= abs(b * c) else turned
        if not _invertible(whole):
            self._warn("its display matrix is none, so it is shown as stored")
            return _UPRIGHT
        off = min(abs(b) + abs(c), abs(a) + abs(d))
        if off > 0.01 * (abs(a) + abs(b) + abs(c) + abs(d)):
            self._warn("turned by another angle than a right one: shown at the nearest right angle")
        return whole


def shown_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return (width, height) with square pixels; ``aspect`` is a pixel's width over its height.

    Nothing is made smaller. It is the size before the frame is turned.
    """
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def _invertible(matrix: Matrix) -> bool:
    a, b, c, d = matrix
    return bool(a * d - b * c)


def _turned(image: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    a, b, c, d = matrix
    if not a:
        image = image.transpose(1, 0, 2)
    if a + c < 0:
        image = image[:, ::-1]
    if b + d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _deinterlaced(frame: av.VideoFrame) -> av.VideoFrame:
    """Keep one field, and make up the other by FFmpeg's yadif.

    It is given nothing but this frame: its neighbours in time were not decoded.
    """
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=Fraction(1, 1000),
    )
    filtered, sink = graph.add("yadif", "mode=send_frame"), graph.add("buffersink")
    source.link_to(filtered)
    filtered.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    shown = graph.pull()
    assert isinstance(shown, av.VideoFrame)
    return shown


def _side_data(frame: av.VideoFrame, name: str) -> bytes:
    try:
        found: Any = frame.side_data.get(name)
    except ValueError:  # PyAV does not know of another piece of side data that is there
        return b""
    return b"" if found is None else bytes(found)
