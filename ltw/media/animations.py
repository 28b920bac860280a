"""Animated GIF, PNG, WebP and AVIF: their frames are the frames of a video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from ltw.media.boundary import explain, reading
from ltw.media.hdr import picture_warning
from ltw.media.limits import Limits
from ltw.media.pictures import ANIMATED, open_picture, show
from ltw.media.sampling import evenly_spaced
from ltw.media.types import Frame, Sample


def sample_animation(path: Path, n: int, limits: Limits) -> Sample | None:
    """Take ``n`` evenly spaced frames of an animated picture; None if it is a still one.

    Raises:
        DataError: it cannot be read, is above a limit, or not one of its frames decodes.
    """
    with reading(path), open_picture(path) as image:
        if image.format not in ANIMATED:
            return None
        # an animated PNG may hold a still for programs that cannot play it, which is no frame
        first = int(bool(image.info.get("default_image", getattr(image, "default_image", False))))
        total = getattr(image, "n_frames", 1) - first
        if total < 2:
            return None
        limits.check_frame(path, image.width, image.height)
        wanted = evenly_spaced(total, limits.frames(n, image.width, image.height))
        sample = _frames(image, first, total, wanted)
        display = "; ".join(filter(None, (picture_warning(path), sample.display)))
        return replace(sample, display=display)


def _frames(image: Image.Image, first: int, total: int, wanted: list[int]) -> Sample:
    frames: list[Frame] = []
    told: dict[str, None] = {}
    time = 0.0
    for index in range(wanted[-1] + 1):
        try:
            image.seek(first + index)
            image.load()  # the duration of a WebP's frame is not known before
            if index in wanted:
                photo = show(image.copy())
                frames.append(Frame(index, time, photo.image))
                told |= dict.fromkeys(filter(None, [photo.warning]))
        except Exception as error:  # what comes before the damage is shown, as in a video
            if not frames:
                raise
            damage = f"frame {index} of {total}: {explain(error)}"
            return Sample(frames, total, damage, "; ".join(told))
        time += float(image.info.get("duration") or 0) / 1000
    return Sample(frames, total, display="; ".join(told))
