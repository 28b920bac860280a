"""FaceForensics++, and any corpus in its layout: genuine videos A.mp4 and forgeries A_B.mp4.

A forgery A_B shows the video (and person) A with something of B's. Whatever method folders there
are become domains. A corpus's own ``splits/{train,val,test}.json`` come before the official ones.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ltw.data.readers._common import require_folder, tell_skipped
from ltw.errors import DataError
from ltw.types import REAL, SPLITS, Clip

LAYOUT = """\
  original_sequences/SOURCE/{raw,c23,c40}/videos/A.mp4
  manipulated_sequences/METHOD/{raw,c23,c40}/videos/A_B.mp4
  manipulated_sequences/METHOD/masks/videos/A_B.mp4       (optional)
  splits/{train,val,test}.json                            (optional; else the official split)"""
MASKS = "masks"


def read(
    root: Path, *, dataset: str = "faceforensics", compressions: Collection[str] = ()
) -> list[Clip]:
    """List the clips of a corpus in the FaceForensics++ layout, in the order of their paths.

    Videos whose A and B are not both in one split, and those not named A or A_B (the actors of
    DeepFakeDetection), are left out and listed on standard error.

    Raises:
        DataError: the tree is missing or another, a split list is damaged, or a compression is
            asked for that is not there.
    """
    require_folder(root, LAYOUT)
    levels = _levels(root)
    if not levels:
        raise DataError(f"{root}: no videos in this folder; expected\n{LAYOUT}")
    unknown = sorted(set(compressions) - {level for _, level, _ in levels})
    if unknown:
        present = ", ".join(sorted({level for _, level, _ in levels}))
        raise DataError(f"{root}: no videos at compression {', '.join(unknown)}; it has {present}")
    split_of = splits(root)
    clips, unnamed, unsplit = [], [], []
    for domain, compression, folder in levels:
        if compressions and compression not in compressions:
            continue
        for path in sorted(folder.glob("*.mp4")):
            names = path.stem.split("_")
            found = {split_of.get(name, "") for name in names}
            if len(names) != 1 + (domain != REAL) or not all(names):
                unnamed.append(path.relative_to(root))
            elif len(found) > 1 or "" in found:
                unsplit.append(path.relative_to(root))
            else:
                clips.append(_clip(path, dataset, domain, compression, found.pop()))
    tell_skipped("videos that are not named A.mp4 (genuine) or A_B.mp4 (forged)", unnamed)
    tell_skipped("videos whose people are in no split, or in two", unsplit)
    if not clips:
        raise DataError(
            f"{root}: none of its {len(unnamed) + len(unsplit)} videos can be used: "
            f"{len(unnamed)} have other names than\n{LAYOUT}\n{len(unsplit)} are in no split"
        )
    return clips


def _clip(path: Path, dataset: str, domain: str, compression: str, split: str) -> Clip:
    shown, _, donor = path.stem.partition("_")
    mask = path.parents[2] / MASKS / "videos" / path.name
    return Clip(
        path=path,
        dataset=dataset,
        domain=domain,
        label=int(domain != REAL),
        compression=compression,
        video=f"{dataset}/{domain}/{compression}/{path.stem}",
        split=split,
        person=shown,
        source_video=shown,
        donor_person=donor,
        donor_video=donor,
        mask_path=mask if mask.is_file() else None,
    )


def _levels(root: Path) -> list[tuple[str, str, Path]]:
    """Return (domain, compression, folder of videos) for every level of every sequence."""
    levels = []
    for branch in ("original_sequences", "manipulated_sequences"):
        for folder in sorted((root / branch).glob("*/*/videos")):
            level, name = folder.parent.name, folder.parents[1].name
            if level != MASKS and any(folder.glob("*.mp4")):
                levels.append((REAL if branch.startswith("original") else name, level, folder))
    return levels


def official_splits() -> dict[str, str]:
    """Return the split of each of the 1000 videos "000" to "999", by the official lists."""
    return _read_splits(files("ltw.data") / "splits")


def splits(root: Path) -> dict[str, str]:
    """Return the split of every video id: by ``root``'s own lists, else the official ones.

    Raises:
        DataError: a list is missing or damaged, or a video is in two.
    """
    own = root / "splits"
    return _read_splits(own) if own.is_dir() else official_splits()


def _read_splits(source: Traversable) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = source / f"{split}.json"
        if not path.is_file():
            raise DataError(f"{path} is missing; a corpus's own splits are three files")
        try:
            names = list(_names(json.loads(path.read_text())))
        except ValueError as error:
            raise DataError(f"{path}: not a JSON list of pairs of video names ({error})") from None
        for name in names:
            if split_of.setdefault(name, split) != split:
                raise DataError(f"{path}: video {name} is in the {split_of[name]} split as well")
    return split_of


def _names(entries: object) -> Iterator[str]:
    """Flatten a list of names or of pairs of names."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, list):
        for entry in entries:
            yield from _names(entry)
    else:
        raise ValueError(f"found {entries!r}")
