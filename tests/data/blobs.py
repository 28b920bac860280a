"""Videos of bright squares on black and a detector that finds them: faces whose place is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ltw.faces import Detection
from ltw.media.video import write_video
from ltw.types import Clip

Square = tuple[int, int, int]
"""x, y, side"""


def frame_of(*squares: Square, size: int = 96) -> np.ndarray:
    image = np.zeros((size, size, 3), np.uint8)
    for x, y, side in squares:
        image[y : y + side, x : x + side] = 230
    return image


def detect_squares(image: np.ndarray, min_size: float = 0) -> list[Detection]:
    """Stand in for `ltw.faces.detect_faces`: every bright square is a face."""
    bright = (image.min(axis=2) > 128).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    found = [
        Detection((x, y, x + w, y + h), np.full((5, 2), [x, y], np.float32), 0.75)
        for x, y, w, h, area in stats[1:].tolist()
        if area > 30
    ]
    return sorted(found, key=lambda d: -d.area)


def blob_video(path: Path, squares: Sequence[Sequence[Square]]) -> Path:
    write_video(path, [frame_of(*at) for at in squares])
    return path


def clip_of(path: Path, name: str = "", domain: str = "real", **fields: object) -> Clip:
    name = name or path.stem
    known: dict[str, object] = {
        "path": path,
        "dataset": "toy",
        "domain": domain,
        "label": int(domain != "real"),
        "compression": "c23",
        "video": f"toy/{domain}/c23/{name}",
        "split": "train",
        "person": name.split("_")[0],
        "source_video": name.split("_")[0],
    }
    return Clip(**(known | fields))  # type: ignore[arg-type]
