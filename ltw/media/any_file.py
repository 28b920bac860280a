"""Any file on the list: its frames, whether it is a photograph, an animation or a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ltw.media.animations import sample_animation
from ltw.media.formats import Kind, format_of
from ltw.media.limits import LIMITS, Limits
from ltw.media.pictures import load_photo
from ltw.media.types import Frame, Sample
from ltw.media.video import sample_frames


@dataclass(frozen=True)
class Media:
    """Frames of a file; a still picture is an image, and has one, anything that moves a video."""

    kind: Kind
    sample: Sample


def read_media(path: Path, frames: int, *, limits: Limits = LIMITS) -> Media:
    """Read a photograph, or ``frames`` evenly spaced frames of a video or an animated picture.

    What a file is its first bytes tell, and its name only where they do not.

    Raises:
        DataError: the file is missing, of no known format, above a limit, or cannot be decoded.
    """
    if format_of(path).kind == "video":
        return Media("video", sample_frames(path, frames, limits=limits))
    animation = sample_animation(path, frames, limits)
    if animation is not None:
        return Media("video", animation)
    image, warning = load_photo(path, limits=limits)
    return Media("image", Sample([Frame(0, 0.0, image)], total=1, display=warning))
