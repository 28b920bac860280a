"""The records and tensors that stages hand to each other. Nothing downstream parses a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from ltw.files import unicode_name

if TYPE_CHECKING:
    from torch import Tensor

REAL = "real"
"""The domain of genuine faces; every other domain is named after its forgery method."""

UNLABELLED = "unlabelled"
"""The domain of faces of which nobody said whether they are genuine; label -1: never trained on."""

ONE_LEVEL = "unknown"
"""The compression of faces whose data set comes in one level that it does not name."""

SPLITS = ("train", "val", "test")

TRUTHS = "truths.csv"
"""The file in which a synthetic corpus says what it knows of every frame; see `FrameTruth`."""


@dataclass(frozen=True)
class FrameTruth:
    """What a synthetic corpus knows of one frame and no real data set tells.

    ``quality`` in [0, 1] is how close a forged face is to a genuine one by the strength of its
    traces: 1 for genuine faces, 0 for whatever has a ``failure``, NaN where unknown. ``failure``
    is the kind of failed forgery or bad detection, ``""`` for none. Where there is a ``box``
    (x0, y0, x1, y1) in pixels, it is cut in place of the one detected: a detector's mistake.
    """

    quality: float = nan
    failure: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Clip:
    """A video (or a photograph) that a reader found, before any face is looked for.

    ``video`` is unique in a store: ``"<dataset>/<domain>/<compression>/<name>"``, so that equally
    named videos of two forgeries never merge. ``source_video`` is the bare name of the genuine
    video shown (A of a fake ``A_B``; a real's own name): a fake and its real agree in
    (dataset, compression, source_video); it is empty where unknown. ``person`` is who is shown (A),
    ``donor_person`` and ``donor_video`` describe B and are empty for reals and where unknown.

    Names read off files are Unicode here, whatever their bytes (`ltw.files.unicode_name`).

    A clip with ``frames`` is a video whose faces are cropped already: these are the names of
    pictures in the folder ``path``, by the number of the frame, which is the last number in a name.
    ``mask_path`` is then a folder of masks with the same names, ``landmarks_path`` one of NumPy
    files (.npy for .png) with dlib's landmarks, (68 or 81, 2), in pixels of the picture.

    ``truths`` are those of a synthetic corpus, a frame each; empty where nobody knows.
    """

    path: Path
    dataset: str
    domain: str
    label: int
    compression: str
    video: str
    split: str
    person: str
    source_video: str
    donor_person: str = ""
    donor_video: str = ""
    mask_path: Path | None = None
    landmarks_path: Path | None = None
    frames: tuple[str, ...] = ()
    truths: tuple[FrameTruth, ...] = ()

    def truth(self, frame: int) -> FrameTruth:
        """What is known of the frame with this number."""
        return self.truths[frame] if frame < len(self.truths) else FrameTruth()

    def __post_init__(self) -> None:
        for name in ("dataset", "domain", "video", "person", "source_video", "donor_person"):
            object.__setattr__(self, name, unicode_name(getattr(self, name)))
        object.__setattr__(self, "donor_video", unicode_name(self.donor_video))


@dataclass(frozen=True)
class Face:
    """One cropped face's record: what the reader knew of its clip, and what detection found.

    ``frame`` counts decoded frames from 0; ``time`` is in seconds; ``box`` is (x0, y0, x1, y1) as
    detected and ``landmarks`` the five points (left eye, right eye, nose, left and right corner of
    the mouth, as seen in the picture; x then y), both in pixels of the full frame;
    ``crop`` is the square (x0, y0, x1, y1) that was cut, in those pixels; it may leave the frame.

    Of a face that came cropped, the picture it came as stands for the full frame: ``box`` and
    ``crop`` are all of it, ``time`` and ``detection_confidence`` are NaN, and so are landmarks that
    nobody gave.

    ``quality`` and ``failure`` are a synthetic corpus's (`FrameTruth`), NaN and "" for all others.
    They are there to judge learned weights by: nothing that trains or tests reads them.
    """

    dataset: str
    domain: str
    label: int
    compression: str
    video: str
    split: str
    person: str
    source_video: str
    donor_person: str
    donor_video: str
    frame: int
    time: float
    detection_confidence: float
    box: tuple[float, float, float, float]
    landmarks: tuple[float, ...]
    crop: tuple[float, float, float, float]
    has_mask: bool
    quality: float = nan
    failure: str = ""


@dataclass
class Batch:
    """K training faces and, for meta-learning methods, their K counterparts.

    ``images`` is float (K, 3, H, W), RGB in [0, 1]; ``labels`` is float (K,), 0 real, 1 fake.
    The counterparts come from the meta-test domains, flipped in label (method.md, pairing);
    ``weight_counterparts``, images and labels, are a second set, for weights judged by others.
    ``domains`` names each face's domain and ``indices`` its row in the store, for logs and errors.
    ``masks`` is float (K, H, W), 1 where forged, else 0, and ``has_mask`` bool (K,) says whose is
    known (a genuine face's always is: nothing is forged); read only for methods that ask.
    """

    images: Tensor
    labels: Tensor
    counterpart_images: Tensor | None = None
    counterpart_labels: Tensor | None = None
    weight_counterparts: tuple[Tensor, Tensor] | None = None
    domains: Sequence[str] = field(default_factory=tuple)
    counterpart_domains: Sequence[str] = field(default_factory=tuple)
    indices: Sequence[int] = field(default_factory=tuple)
    masks: Tensor | None = None
    has_mask: Tensor | None = None
