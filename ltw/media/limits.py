"""What one picture or one frame may ask for; read off headers, before a pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ltw.errors import DataError


@dataclass(frozen=True)
class Limits:
    """The limits of one file.

    Attributes:
        picture_megapixels: of a photograph, in 10^6 pixels. Decoding 150 takes up to 1.5 GB.
        frame_megapixels: of a frame of a video or an animation; 36 hold 8192 x 4320.
        aspect: the longer side over the shorter.
        held_megabytes: of the RGB frames of one video that are in memory at once, in 10^6 bytes:
            of frames so large that those asked for take more, fewer are looked at. 800 hold 32
            frames of 3840 x 2160.
    """

    picture_megapixels: float = 150
    frame_megapixels: float = 36
    aspect: float = 50
    held_megabytes: float = 800

    def check_picture(self, path: Path, width: int, height: int) -> None:
        """Raise `DataError` unless a photograph of this size may be decoded."""
        self._check(path, width, height, self.picture_megapixels)

    def check_frame(self, path: Path, width: int, height: int) -> None:
        """Raise `DataError` unless frames of this size may be decoded."""
        self._check(path, width, height, self.frame_megapixels)

    def frames(self, asked: int, width: int, height: int) -> int:
        """Return how many frames of this size, at most ``asked`` and at least 1, may be held."""
        return max(1, min(asked, int(self.held_megabytes * 1e6 / max(1, 3 * width * height))))

    def _check(self, path: Path, width: int, height: int, megapixels: float) -> None:
        if width * height > megapixels * 1e6:
            raise DataError(
                f"{path}: {width}x{height} pixels, more than the limit of {megapixels:g} "
                "megapixels; scale it down, or raise the limit"
            )
        if max(width, height) > self.aspect * max(1, min(width, height)):
            raise DataError(
                f"{path}: {width}x{height} pixels, a side more than {self.aspect:g} times as long "
                "as the other, which is the limit; cut it"
            )


LIMITS = Limits()
