"""Photographs and animations as a viewer shows them: upright, 8 bits, sRGB, on white.

An orientation that cannot be read is no reason to refuse a picture, nor is a colour profile or a
text beside it; a warning says what was passed over.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from ltw.media import tiff
from ltw.media.boundary import reading
from ltw.media.formats import FORMATS
from ltw.media.hdr import picture_warning
from ltw.media.limits import LIMITS, Limits
from ltw.media.png import PROFILE, TEXTS, has_chunk, without_chunks

ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
"""Pillow's formats in which further pictures are further frames, not pages or layers."""

WHITE = 255
_ORIENTATION, _PHOTOMETRIC, _WHITE_IS_ZERO = 0x0112, 0x0106, 0


class Photo(NamedTuple):
    """A picture, uint8 (H, W, 3) RGB, and what could not be shown as it was meant, or ""."""

    image: NDArray[np.uint8]
    warning: str


def read_photo(
    path: Path, *, limits: Limits = LIMITS, background: int = WHITE
) -> NDArray[np.uint8]:
    """Read a photograph as uint8 (H, W, 3) RGB, upright; what is transparent shows ``background``.

    Of an animation or of several pages it is the first.

    Raises:
        DataError: the file is missing, no picture, damaged, or above a limit.
    """
    return load_photo(path, limits=limits, background=background).image


def load_photo(path: Path, *, limits: Limits = LIMITS, background: int = WHITE) -> Photo:
    """Do what `read_photo` does, and tell what could not be shown as it was meant."""
    with reading(path):
        data = tiff.unusual(path, limits)
        if data is not None:
            return Photo(*_eight_bits(data))
        with open_picture(path) as image:
            limits.check_picture(path, image.width, image.height)
            pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            told = f"the first of {pages} pages" if pages > 1 else ""
            shown, warning = show(image, background)
            return Photo(shown, "; ".join(filter(None, (told, picture_warning(path), warning))))


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a picture of a format on the list; nothing but its headers is read yet.

    Pillow's own limit on pixels is off meanwhile: `Limits` are checked before one is decoded.
    """
    with warnings.catch_warnings(), patch.object(Image, "MAX_IMAGE_PIXELS", None):
        warnings.simplefilter("ignore")  # of odd tags and chunks
        # Pillow reads texts, some of them behind the pixels, and refuses files with too much
        data = without_chunks(path, TEXTS) if has_chunk(path, TEXTS) else None
        try:
            image = Image.open(io.BytesIO(data) if data else path, formats=_decoders())
        except (ValueError, UnidentifiedImageError):  # a colour profile that is damaged or too much
            data = without_chunks(path, TEXTS | PROFILE)
            if data is None:
                raise
            image = Image.open(io.BytesIO(data), formats=["PNG"])
        with image:
            yield image


@cache
def _decoders() -> list[str]:
    """Return Pillow's formats on the list, as far as this Pillow was built with them."""
    Image.init()
    wanted = [name for known in FORMATS if known.kind == "image" for name in known.decoders]
    return [name for name in wanted if name in Image.OPEN]


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) by the headers, as stored.

    Raises:
        DataError: it is no picture that can be read.
    """
    with reading(path):
        size = tiff.unusual_size(path)
        if size is not None:
            return size
        with open_picture(path) as image:
            return image.size


def show(image: Image.Image, background: int = WHITE) -> Photo:
    """Return the current frame of an open picture as a viewer shows it."""
    image.load()  # first: EXIF of a PNG is read by it, and no damage may pass for bad EXIF
    told: list[str] = []
    orientation = _orientation(image, told)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey, warning = _eight_bits(_samples(image))
        told += [warning] if warning else []
        return Photo(_upright(grey, orientation), "; ".join(told))
    image = _to_srgb(image, told)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (background,) * 3 + (255,))
        ground.alpha_composite(image)
        image = ground
    rgb = np.array(image if image.mode == "RGB" else image.convert("RGB"))
    return Photo(_upright(rgb, orientation), "; ".join(told))


def _samples(image: Image.Image) -> NDArray[np.generic]:
    """Return a grey picture of more than 8 bits as (H, W), white the greatest."""
    data: NDArray[np.generic] = np.asarray(image)
    if image.format == "PPM":  # Pillow scales any range to 16 bits, and keeps them in 32
        return data.astype(np.uint16)
    if data.dtype.kind == "u" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return np.invert(data.astype(np.uint16))
    return data


def _orientation(image: Image.Image, told: list[str]) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # of EXIF that is malformed Pillow raises whatever it stumbles over
        told.append("its EXIF cannot be read, so it is shown as stored")
        return 1


def _upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn and mirror a picture as EXIF's ``orientation``, 1 to 8, says; others mean nothing."""
    if 5 <= orientation <= 8:
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def _to_srgb(image: Image.Image, told: list[str]) -> Image.Image:
    """Convert a picture with a colour profile of its own (or in CIELAB) to sRGB."""
    profile = image.info.get("icc_profile")
    if not profile and image.mode != "LAB":
        return image
    try:
        own = (
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if profile
            else ImageCms.createProfile("LAB")
        )
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        if image.mode not in ("RGB", "CMYK", "L", "LAB"):
            image = image.convert("L" if image.mode in ("LA", "1") else "RGB")
        shown = ImageCms.profileToProfile(
            image, own, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        if shown is None:
            raise ImageCms.PyCMSError("no picture")
        if alpha is not None:
            shown.putalpha(alpha)
        return shown
    except Exception:  # damaged profiles, and those of another kind of picture, are common
        told.append("its colour profile cannot be used, so colours may be off")
        return image


def _eight_bits(data: NDArray[np.generic]) -> Photo:
    """Turn samples of other than 8 bits, (H, W) or (H, W, 3), into uint8 (H, W, 3).

    Unsigned integers span their type. Others are taken for parts of 1, else for 8 or 16 bits, else
    they span what is there, and a warning says so.
    """
    told = ""
    low, top = 0.0, 2.0 ** (8 * data.dtype.itemsize) - 1
    if data.dtype.kind != "u":
        finite = data[np.isfinite(data)] if data.dtype.kind == "f" else data
        low, top = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if data.dtype.kind == "f" and low >= 0 and top <= 1:
            low, top = 0.0, 1.0
        elif low >= 0 and top <= 65535:
            low, top = 0.0, 255.0 if top <= 255 else 65535.0
            told = f"its samples are {data.dtype} and go up to {top:g} at most: shown as such"
        else:
            told = f"its samples are {data.dtype}: shown from the least, {low:g}, to the most"
    span = top - low or 1.0
    shown = np.empty(data.shape, np.uint8)
    for row in range(0, len(data), 256):  # in bands: floats of a whole picture would fill memory
        band = (np.nan_to_num(data[row : row + 256].astype(np.float64)) - low) * (255 / span)
        shown[row : row + 256] = np.clip(band + 0.5, 0, 255)
    return Photo(np.dstack([shown] * 3) if shown.ndim == 2 else shown, told)
