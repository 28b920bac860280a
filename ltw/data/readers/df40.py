"""DF40: faces forged by forty methods, which come cropped, a folder of pictures a video.

The authors give out a training part (``DF40_train``, from FaceForensics++) and a test part
(``DF40``, from FaceForensics++, ``ff``, and from Celeb-DF, ``cdf``) with forgeries only; the
genuine faces are DeepfakeBench's of FaceForensics++ and Celeb-DF, and lie beside them. Nine methods
of the test part bring genuine pictures of their own. Genuine faces stand against the forgeries of
their own origin only: there is a data set for each, ``df40-ff``, ``df40-cdf``, ``df40-METHOD``.

Swaps and reenactments lie in a folder ``frames`` and are named after their films: A or A_B of
FaceForensics++ (A is shown), idX_idY_NNNN of Celeb-DF. Without that folder a method synthesizes
whole faces: they show nobody, and are in the split of the film that their folder is named after.

Split: FaceForensics++'s for what is from it, except that 15% of its training pairs, by a hash, go
to val too, since the training part is not known to have forgeries of the official val pairs. All
else is test.

The folders are as the authors' repository (YZY-stack/DF40) and code that reads both parts have
them. Not confirmed: that idX_idY_NNNN is the film idX_NNNN, as in Celeb-DF, for every method.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from ltw.data.precropped import numbered
from ltw.data.readers import faceforensics
from ltw.data.readers._clip import clip
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, train_or_val
from ltw.data.readers._pictures import folders_of_pictures
from ltw.data.readers.frames import beside
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET, TRAINING, TESTING = "df40", "DF40_train", "DF40"
FF, CDF = "ff", "cdf"
LAYOUT = """\
  DF40_train/METHOD/[frames/]VIDEO/*.png                  the training part
  DF40/METHOD/{ff,cdf}/[frames/|POOL/]VIDEO/*.png          the test part
  DF40/METHOD/{real,fake}/[frames/][VIDEO/]*.png           ... with genuine pictures of its own
  FaceForensics++/original_sequences/youtube/c23/frames/A/*.png        genuine
  Celeb-DF-v2/{Celeb-real,YouTube-real}/frames/NAME/*.png              genuine
where DF40_train, DF40, methods and the genuine faces that no method needs may be left out"""
GENUINE = {
    FF: ("FaceForensics++/original_sequences/youtube/c23/frames",),
    CDF: ("Celeb-DF-v2/Celeb-real/frames", "Celeb-DF-v2/YouTube-real/frames"),
}
NAMES = {
    FF: re.compile(r"(?P<person>\d{3})(_(?P<donor>\d{3}))?"),
    CDF: re.compile(r"(?P<person>id\d+)_((?P<donor>id\d+)_)?(?P<take>\d+)|(?P<film>\d{5})"),
}
ORIGINS = {FF, CDF, "real", "fake"}
BESIDE = {"landmarks", "masks"}


class Place(NamedTuple):
    """What a folder of pictures is: its method, its origin and whether it is of a film."""

    method: str
    origin: str
    genuine: bool
    of_film: bool
    name: str


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the videos of DF40, whose faces are cropped already, in the order of their folders.

    ``dataset`` begins the names of the data sets. A picture in a folder ``real`` or ``fake`` that
    is in no folder of a video is a video of its own. Left out and logged are
    folders that are laid out otherwise or whose names give no split, and pictures without a number.

    Raises:
        DataError: the folder is missing, has neither part, lacks the genuine faces of an origin, or
            compressions are asked for (DF40 has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    clips: list[Clip] = []
    others: list[Path] = []
    unnumbered: list[Path] = []
    for folder, place, pictures in _folders(root, others):
        frames = _frames(place, pictures)
        unnumbered += [folder.relative_to(root) / p for p in sorted({*pictures} - {*frames})]
        found = list(_clips(folder, place, frames, dataset)) if frames else []
        clips += found
        if frames and not found:
            others.append(folder.relative_to(root))
    _require_genuine(root, clips)
    notify_skipped("folders laid out or named otherwise", others)
    notify_skipped("pictures without a number of their own", unnumbered)
    return clips


def _require_genuine(root: Path, clips: list[Clip]) -> None:
    forged = {c.dataset for c in clips if c.domain != REAL}
    if not forged:
        raise DataError(f"{root}: no forgery in {TRAINING} or {TESTING}; expected\n{LAYOUT}")
    alone = sorted(forged - {c.dataset for c in clips if c.domain == REAL})
    if alone:
        raise DataError(
            f"{root}: no genuine faces for {', '.join(alone)}; put DeepfakeBench's faces of "
            f"FaceForensics++ (ff) and Celeb-DF-v2 (cdf) there, or take away the methods that need "
            f"them: expected\n{LAYOUT}"
        )


def _folders(root: Path, others: list[Path]) -> Iterator[tuple[Path, Place, list[str]]]:
    """Yield every folder of pictures and what it is; add those that are nothing known."""
    for part in (TRAINING, TESTING):
        for folder, pictures in folders_of_pictures(root / part, BESIDE):
            place = _place(folder.relative_to(root / part).parts, training=part == TRAINING)
            if place:
                yield folder, place, pictures
            else:
                others.append(folder.relative_to(root))
    for origin, homes in GENUINE.items():
        for home in homes:
            for folder, pictures in folders_of_pictures(root / home):
                yield folder, Place("", origin, True, True, folder.name), pictures


def _place(parts: tuple[str, ...], training: bool) -> Place | None:
    """Read a folder's place below its part; None where it is laid out otherwise."""
    if not parts:
        return None
    method, *rest = parts
    marked = next((k for k, part in enumerate(rest) if part in ORIGINS), None)
    if marked is None and not training:
        return None
    label = FF if marked is None else rest[marked]
    below = rest if marked is None else rest[marked + 1 :]
    inside = [part for part in below if part not in {"frames", "real", "fake"}]
    origin = label if label in NAMES else method
    if not inside and origin != method:
        return None
    name = inside[-1] if inside else ""
    return Place(method, origin, label == "real", "frames" in below, name)


def _clips(folder: Path, place: Place, frames: tuple[str, ...], dataset: str) -> Iterator[Clip]:
    """Yield the clip of a folder, or of each picture in a folder of single ones."""
    dataset = f"{dataset}-{place.origin}"
    domain = REAL if place.genuine else place.method
    if place.origin not in NAMES:
        for name, pictures in _single(place, frames):
            yield clip(
                folder,
                dataset,
                domain,
                name,
                "test",
                source=name if place.genuine else "",
                frames=pictures,
            )
        return
    match = NAMES[place.origin].fullmatch(place.name)
    if match is None:
        return
    parts = match.groupdict("")
    person = parts["person"] or parts.get("film", "")
    take = parts.get("take", "")
    film = f"{person}_{take}" if take else person
    split = _splits().get(person, "") if place.origin == FF else "test"
    if split and split == _splits().get(parts["donor"] or person, split):
        yield clip(
            folder,
            dataset,
            domain,
            place.name,
            split,
            person=person if place.of_film else "",
            source=film if place.of_film else "",
            donor=parts["donor"] if place.of_film else "",
            mask_path=None if place.genuine else beside(folder, "masks"),
            landmarks_path=beside(folder, "landmarks"),
            frames=frames,
        )


def _frames(place: Place, pictures: list[str]) -> tuple[str, ...]:
    """Return the pictures that have a number: of a video, each a number of its own."""
    if place.name:
        return tuple(numbered(pictures).values())
    return tuple(picture for picture in sorted(pictures) if numbered([picture]))


def _single(place: Place, frames: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names of a folder's videos and their pictures."""
    if place.name:
        yield place.name, frames
    else:
        yield from ((Path(frame).stem, (frame,)) for frame in frames)


@cache
def _splits() -> dict[str, str]:
    """Return the split of FaceForensics++'s films, with 15% of the training pairs in val."""
    split_of = dict(faceforensics.official_splits())
    pairs = json.loads((files("ltw.data") / "splits" / "train.json").read_text())
    for pair in pairs:
        split_of |= dict.fromkeys(pair, train_or_val("_".join(sorted(pair))))
    return split_of
