"""WildDeepfake: faces cut from genuine and forged films on the Internet, a folder a sequence.

The release is archives of sequences, ``SHARD/LABEL/SEQUENCE/FRAME.png``, in a folder for each label
and split. Who is shown, which sequences are of one film and how forgeries were made is not told.
The official split has train and test; val is taken from train archive by archive, 15% of them by a
hash of their names, since sequences of one film are likely to lie in one archive.

The folders are as the release on Hugging Face (xingjunm/WildDeepfake) shows them; further folders
in between, as unpacking makes them, are skipped.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ltw.data.precropped import numbered
from ltw.data.readers._clip import clip
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, train_or_val
from ltw.data.readers._pictures import folders_of_pictures
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET, DOMAIN = "wilddeepfake", "WildDeepfake"
LAYOUT = """\
  {real,fake}_{train,test}/SHARD/{real,fake}/SEQUENCE/FRAME.png
with each archive SHARD.tar.gz unpacked; folders may be left out"""
LABELS = {"real": REAL, "fake": DOMAIN}
FOLDERS = [f"{label}_{split}" for split in ("train", "test") for label in LABELS]
PACKED = (".tar.gz", ".tgz", ".tar")


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the sequences of WildDeepfake, whose faces are cropped already, by their folders' names.

    Archives that are not unpacked, folders that are not there and pictures without a number are
    logged.

    Raises:
        DataError: the folder is missing, has no genuine or no forged sequence, or compressions
            are asked for (WildDeepfake has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    home = root / "deepfake_in_the_wild"
    home = home if home.is_dir() else root
    clips: list[Clip] = []
    loose: list[Path] = []
    unnumbered: list[Path] = []
    for category in FOLDERS:
        for folder, pictures in folders_of_pictures(home / category):
            if folder == home / category:
                loose += [folder.relative_to(root) / picture for picture in pictures]
                continue
            frames = tuple(numbered(pictures).values())
            unnumbered += [folder.relative_to(root) / p for p in sorted({*pictures} - {*frames})]
            if frames:
                clips.append(_clip(home, folder, dataset, frames))
    packed = [p for category in FOLDERS for p in _packed(home / category)]
    if {c.domain for c in clips} != {*LABELS.values()}:
        raise DataError(
            f"{root}: {len(clips)} sequences, {len(packed)} archives that are not unpacked; both "
            f"genuine and forged sequences are needed, expected\n{LAYOUT}"
        )
    notify_skipped("archives that are not unpacked", [p.relative_to(root) for p in packed])
    notify_skipped("folders that are not there", [f for f in FOLDERS if not (home / f).is_dir()])
    notify_skipped("pictures that are in no sequence's folder", loose)
    notify_skipped("pictures without a number of their own", unnumbered)
    return sorted(clips, key=lambda c: c.video)


def _clip(home: Path, folder: Path, dataset: str, frames: tuple[str, ...]) -> Clip:
    """Make the clip of the sequence in ``folder``, named by label, split, archive and number."""
    category, *between = folder.relative_to(home).parts
    label, split = category.split("_")
    parts = [part for part in between if part not in {label, "extracted"}]
    unique = [part for k, part in enumerate(parts) if part not in parts[:k] or k == len(parts) - 1]
    name = "_".join([category, *unique])
    shard = "_".join([category, *unique[:-1]]) if unique[:-1] else name
    return clip(
        folder,
        dataset,
        LABELS[label],
        name,
        "test" if split == "test" else train_or_val(shard),
        source=name if label == "real" else "",
        frames=frames,
    )


def _packed(category: Path) -> list[Path]:
    """Return the archives of which there is no folder of their name, in ``extracted`` or beside."""
    archives = (path for path in category.glob("*.t*") if path.name.endswith(PACKED))
    homes = (category, category / "extracted")
    unpacked = {f.name for home in homes if home.is_dir() for f in home.iterdir() if f.is_dir()}
    return sorted(path for path in archives if path.name.partition(".")[0] not in unpacked)
