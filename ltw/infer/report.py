"""HTML report of `ltw predict`: one file, nothing outside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from ltw import __version__
from ltw.infer.detector import Detector
from ltw.infer.find import Found
from ltw.infer.heat import blend, heat_maps
from ltw.infer.networks import Settings
from ltw.infer.prediction import Prediction, ScoredFace, ScoredPerson
from ltw.infer.wording import WORDS, percent, percent_decimals
from ltw.palette import PEOPLE, theme_css
from ltw.terminal import printable

SHOWN = 4
"""Frames of a video, and faces with heat maps, that are shown."""
FACE_SIDE = 160
CROWD = 6
"""Faces in a picture from which on boxes have numbers alone: scores would hide each other."""


@dataclass(frozen=True)
class FrameView:
    """View of a frame: ``uri`` is the picture, ``size`` the (width, height) boxes are in."""

    uri: str
    time: float
    size: tuple[int, int]
    faces: tuple[ScoredFace, ...]


@dataclass(frozen=True)
class FaceView:
    """View of a face close up, and with its heat map laid over where there is one."""

    face: ScoredFace
    crop: str
    heat: str | None


@dataclass(frozen=True)
class FileView:
    """View of one file, all that the report shows; small, so that thousands fit in memory."""

    prediction: Prediction
    pictures: tuple[FrameView, ...]
    views: tuple[FaceView, ...]

    @property
    def name(self) -> str:
        """The file's name, printable."""
        return printable(PurePath(self.prediction.path).name)

    @property
    def path(self) -> str:
        """The path as given, printable."""
        return printable(self.prediction.path)

    @property
    def people(self) -> list[ScoredPerson]:
        """The people, the most suspect of those who count first."""
        return sorted(self.prediction.people, key=lambda p: (not p.counts, -p.p_fake))

    @property
    def drawn(self) -> list[ScoredPerson]:
        """The people, the most suspect last: in a timeline they lie above the others."""
        return self.people[::-1]

    @property
    def faint(self) -> set[int]:
        """Numbers of the people that a timeline only hints at: they do not count, or are many."""
        return {p.number for p in self.people if not p.counts} | {
            p.number for p in self.people[CROWD:]
        }

    @property
    def digits(self) -> int:
        """Decimals of its percentages, so that none seems to cross a threshold."""
        p = self.prediction
        return percent_decimals([x.p_fake for x in p.people], (p.threshold, p.real_below))

    @property
    def span(self) -> tuple[float, float]:
        """First and last time of the faces, in seconds."""
        times = [face.time for face in self.prediction.faces]
        return min(times), max(times)


def make_view(detector: Detector, found: Found, prediction: Prediction) -> FileView:
    """Choose what to show of a file; ``found`` must have its pictures (`find_faces`)."""
    suspects = prediction.most_suspect(SHOWN)
    frames = sorted({face.frame for face in suspects}) or sorted(found.pictures)[:1]
    pictures = tuple(
        _picture(found, frame, tuple(f for f in prediction.faces if f.frame == frame))
        for frame in frames
        if frame in found.pictures
    )
    crops = found.crops[[prediction.faces.index(face) for face in suspects]]
    return FileView(prediction, pictures, tuple(_views(detector, suspects, crops)))


def render(entries: Sequence[FileView], settings: Settings) -> str:
    """Return the page, with the most suspect file first."""
    environment = Environment(
        loader=PackageLoader("ltw.infer"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("predict.html.j2").render(
        entries=sorted(entries, key=lambda entry: entry.prediction.suspicion),
        settings=settings,
        info=settings.info,
        words=WORDS,
        percent=percent,
        digits=max([0, *(entry.digits for entry in entries)]),
        crowd=CROWD,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        theme=theme_css(),
        colours=len(PEOPLE),
        version=__version__,
        heat=any(view.heat for entry in entries for view in entry.views),
    )


def _picture(found: Found, frame: int, faces: tuple[ScoredFace, ...]) -> FrameView:
    data = base64.b64encode(found.pictures[frame]).decode()
    time = faces[0].time if faces else 0.0
    return FrameView(f"data:image/jpeg;base64,{data}", time, found.size, faces)


def _views(
    detector: Detector, faces: Sequence[ScoredFace], crops: NDArray[np.uint8]
) -> list[FaceView]:
    if not faces:
        return []
    size = crops.shape[1]
    maps = heat_maps(detector.network, detector.prepare(crops), size)
    top = 1.0 if maps is None else float(maps.max()) or 1.0
    return [
        FaceView(
            face,
            _face_uri(crop),
            None if maps is None else _face_uri(blend(crop, maps[place] / top)),
        )
        for place, (face, crop) in enumerate(zip(faces, crops, strict=True))
    ]


def _face_uri(crop: NDArray[np.uint8]) -> str:
    small = cv2.resize(crop, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
