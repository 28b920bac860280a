"""DeepfakeBench: faces that are cropped already, and JSON lists of them by data set and split.

A list is ``{data set: {label: {split: {[compression:] {video: {"label", "frames"}}}}}}``; masks and
dlib's landmarks lie in folders beside ``frames``. The lists name paths of the machine that wrote
them, with slashes of either kind: what counts is the part from the data set's folder on.

Names, people and sources are those that the readers of the videos give. The lists put some videos
into several splits (Celeb-DF's and DFDCP's val is their test, Celeb-DF's test videos are in train
as well, DeepFakeDetection and UADFV are in all three): here each is in one, test before train
before val. What DFDC's and DFDCP's forgeries were made from is not in the lists.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ltw.data.precropped import numbered
from ltw.data.readers._common import log, notify_skipped
from ltw.data.readers.frames import beside
from ltw.errors import DataError
from ltw.types import ONE_LEVEL, REAL, Clip

LAYOUT = """\
  preprocessing/dataset_json/*.json       the lists; or *.json, or one such file itself
  datasets/rgb/SET/.../frames/VIDEO/*.png the faces; or rgb/SET, datasets/SET, SET
  datasets/rgb/SET/.../masks/VIDEO/*.png, .../landmarks/VIDEO/*.npy       (optional)
where SET is FaceForensics++, Celeb-DF-v1, Celeb-DF-v2, DFDC, DFDCP or UADFV"""
LISTS = ("*.json", "dataset_json/*.json", "preprocessing/dataset_json/*.json")
HOMES = ("datasets/rgb", "rgb", "datasets", ".")
SETS = {"FaceForensics++", "Celeb-DF-v1", "Celeb-DF-v2", "DFDC", "DFDCP", "UADFV"}
LEVELS = ("raw", "c23", "c40")
PRECEDENCE = ("test", "train", "val")


class Label(NamedTuple):
    """What a label of the lists means here, how its videos are named, and which film they show."""

    dataset: str
    domain: str
    name: str
    source: str = ""


FILM, PAIR = r"(?P<person>\d+)", r"(?P<person>\d+)_(?P<donor>\d+)"
SCENE, ANY = r"__(?P<scene>.+)", r"(?P<person>.+)"
CELEBRITY = r"(?P<person>id\d+(?=_)|\d+)(_\d+)?"
SWAP = r"(?P<person>id\d+)_(?P<donor>id\d+)_(?P<take>\d+)"
PREVIEW = r"(?P<donor>\d+)_(?P<film>(?P<person>\d+)_.+)"
DFD, DFDC, DFDCP = "deepfakedetection", "dfdc", "dfdc-preview"
LABELS = {
    "FF-real": Label("faceforensics", REAL, FILM, "{person}"),
    "FF-DF": Label("faceforensics", "Deepfakes", PAIR, "{person}"),
    "FF-F2F": Label("faceforensics", "Face2Face", PAIR, "{person}"),
    "FF-FS": Label("faceforensics", "FaceSwap", PAIR, "{person}"),
    "FF-NT": Label("faceforensics", "NeuralTextures", PAIR, "{person}"),
    "FF-FH": Label("faceforensics", "FaceShifter", PAIR, "{person}"),
    "DFD_real": Label(DFD, REAL, FILM + SCENE, "{person}__{scene}"),
    "DFD_fake": Label(DFD, "DeepFakeDetection", PAIR + SCENE + "__[^_]+", "{person}__{scene}"),
    "CelebDFv1_real": Label("celeb-df-v1", REAL, CELEBRITY, "{name}"),
    "CelebDFv1_fake": Label("celeb-df-v1", "Celeb-DF", SWAP, "{person}_{take}"),
    "CelebDFv2_real": Label("celeb-df-v2", REAL, CELEBRITY, "{name}"),
    "CelebDFv2_fake": Label("celeb-df-v2", "Celeb-DF", SWAP, "{person}_{take}"),
    "DFDC_Real": Label(DFDC, REAL, ANY, "{name}"),
    "DFDC_Fake": Label(DFDC, "DFDC", ANY),
    "DFDCP_Real": Label(DFDCP, REAL, FILM + "_.+", "{name}"),
    "DFDCP_FakeA": Label(DFDCP, "method_A", PREVIEW, "{film}"),
    "DFDCP_FakeB": Label(DFDCP, "method_B", PREVIEW, "{film}"),
    "UADFV_Real": Label("uadfv", REAL, FILM, "{name}"),
    "UADFV_Fake": Label("uadfv", "UADFV", FILM + "_fake", "{person}"),
}


class Listed(NamedTuple):
    """One video of a list: its label, split, compression and name, and the paths of its frames."""

    label: str
    split: str
    compression: str
    name: str
    frames: Sequence[str]


def read(root: Path, *, dataset: str = "", compressions: Collection[str] = ()) -> list[Clip]:
    """List the videos that DeepfakeBench's lists under ``root`` name, in the order of their names.

    ``root`` may be one list. Data sets without compression levels are taken at any
    ``compressions``. Frames that are listed but not there stay in their clip, so that extraction
    records them; left out, and logged, are data sets whose folder is not there,
    videos without a listed frame, with an unknown label or with other names, and other JSON files.

    Raises:
        DataError: there is no list or no video, a list is damaged, a compression is asked for that
            is not there, or one ``dataset`` is to name several data sets.
    """
    listed = _read_lists(root)
    known = [video for video in listed if video.label in LABELS]
    notify_skipped("labels unknown here", sorted({v.label for v in listed} - LABELS.keys()))
    levels = {video.compression for video in known} - {ONE_LEVEL}
    if set(compressions) - levels:
        raise DataError(
            f"{root}: asked for compression {', '.join(compressions)}; it has "
            f"{', '.join(sorted(levels)) or 'no levels: leave it out'}"
        )
    taken = [v for v in known if not compressions or v.compression in {ONE_LEVEL, *compressions}]
    datasets = sorted({LABELS[video.label].dataset for video in taken})
    if dataset and len(datasets) > 1:
        raise DataError(
            f"{root}: {dataset!r} cannot name {len(datasets)} data sets ({', '.join(datasets)}); "
            "give the list of one"
        )
    notify_skipped("videos without a frame in their list", [v.name for v in taken if not v.frames])
    clips = _once(_clips(root, [v for v in taken if v.frames], dataset))
    if not clips:
        raise DataError(f"{root}: no video to take; expected\n{LAYOUT}")
    return clips


def _read_lists(root: Path) -> list[Listed]:
    """Read ``root``, a list, or all lists in the folder."""
    if not root.exists():
        raise DataError(f"{root} does not exist; expected a list or a folder with\n{LAYOUT}")
    if root.is_file():
        return list(_listed(root))
    paths = [path for pattern in LISTS for path in sorted(root.glob(pattern))]
    listed: list[Listed] = []
    others: list[DataError] = []
    for path in paths:
        try:
            listed += list(_listed(path))
        except DataError as error:
            others.append(error)
    notify_skipped("JSON files that are no lists", others)
    if not listed:
        raise DataError(f"{root}: no list of DeepfakeBench in this folder; expected\n{LAYOUT}")
    return listed


def _listed(path: Path) -> Iterator[Listed]:
    try:
        for labels in json.loads(path.read_text(encoding="utf-8")).values():
            for splits in labels.values():
                for split, videos in splits.items():
                    if split not in PRECEDENCE:
                        raise ValueError(f"split {split!r}")
                    levels = {level: videos[level] for level in LEVELS if level in videos}
                    for level, entries in (levels or {ONE_LEVEL: videos}).items():
                        for name, entry in entries.items():
                            if isinstance(entry, dict):  # else DFDC's val, a video of test's
                                frames = [str(frame) for frame in entry["frames"]]
                                yield Listed(str(entry["label"]), split, level, name, frames)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: not a list of DeepfakeBench's ({error})") from None


def _clips(root: Path, videos: Sequence[Listed], dataset: str) -> Iterator[Clip]:
    """Find the videos' folders; tell of data sets that are not there and of other names."""
    homes: dict[str, Path | None] = {}
    absent: Counter[str] = Counter()
    misnamed = []
    for video in videos:
        before, folder, below = _split_at_set(video.frames[0].replace("\\", "/").rpartition("/")[0])
        if folder not in homes:
            homes[folder] = _home(root, before, folder)
        home = homes[folder]
        name = re.fullmatch(LABELS[video.label].name, video.name)
        if home is None:
            absent[folder] += 1
        elif name is None:
            misnamed.append(f"{video.label} {video.name}")
        else:
            yield _clip(video, name.groupdict(""), home / folder / below, dataset)
    for folder, n in absent.items():
        log.warning(f"skipped videos in lists ({n}): there is no folder {folder} in {root}")
    notify_skipped("videos with other names than their data set's", misnamed)


def _split_at_set(path: str) -> tuple[str, str, str]:
    """Split a folder's path around the name of its data set, at its last occurrence."""
    parts = path.split("/")
    for k in reversed(range(len(parts))):
        if parts[k] in SETS:
            return "/".join(parts[:k]), parts[k], "/".join(parts[k + 1 :])
    return "", path, ""


def _home(root: Path, before: str, folder: str) -> Path | None:
    """Return what holds the data set's ``folder``: the list's own place, or one near ``root``."""
    start = root.absolute() if root.is_dir() else root.absolute().parent
    listed = [Path(before)] if Path(before).is_absolute() else []
    near = [place / home for place in (start, *start.parents[:2]) for home in HOMES]
    return next((home for home in (*listed, *near) if (home / folder).is_dir()), None)


def _clip(video: Listed, parts: dict[str, str], folder: Path, dataset: str) -> Clip:
    label = LABELS[video.label]
    held_out = label.dataset == "dfdc" and folder.parents[1].name == "test"
    dataset = dataset or (f"{label.dataset}-heldout" if held_out else label.dataset)
    forged = label.domain != REAL
    names = (path.replace("\\", "/").rpartition("/")[2] for path in video.frames)
    return Clip(
        path=folder,
        dataset=dataset,
        domain=label.domain,
        label=int(forged),
        compression=video.compression,
        video=f"{dataset}/{label.domain}/{video.compression}/{video.name}",
        split=video.split,
        person=parts["person"],
        source_video=label.source.format(name=video.name, **parts),
        donor_person=parts.get("donor", ""),
        donor_video=parts.get("donor", "") if label.dataset == "faceforensics" else "",
        mask_path=beside(folder, "masks") if forged else None,
        landmarks_path=beside(folder, "landmarks"),
        frames=tuple(numbered(names).values()),
    )


def _once(clips: Iterable[Clip]) -> list[Clip]:
    """Take every video once, sorted by name; tell of those that are in several splits."""
    copies: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        copies[clip.video].append(clip)
    once = {v: min(copies[v], key=lambda c: PRECEDENCE.index(c.split)) for v in sorted(copies)}
    several = Counter(
        (once[video].dataset, once[video].split)
        for video, found in copies.items()
        if len({clip.split for clip in found}) > 1
    )
    for (dataset, split), n in sorted(several.items()):
        log.warning(f"{dataset}: videos in several splits of the lists ({n}); taken for {split}")
    return list(once.values())
