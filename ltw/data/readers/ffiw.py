"""FFIW-10K (Face Forensics in the Wild): films of several people, some with another face.

``source`` holds genuine films, ``target`` forged ones, ``target_mask`` the masks of those. The
official split is the folder: train and val in one archive, test in another. Nobody says who is
shown, nor which genuine film a forgery was made from: files of the same name are not known to
belong together, so training pairs a forgery with any genuine film.

In a forged film most faces may be genuine. Extraction follows the largest face; its mask says
whether it is the forged one.

The folders are as the authors' repository (tfzhou/FFIW) and public code (SelfBlendedImages' and
others' lists) have them; that masks are videos of the same names and lengths as public code reads
them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ltw.data.readers._clip import clip
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, visible_files
from ltw.errors import DataError
from ltw.types import REAL, SPLITS, Clip

DATASET, DOMAIN = "ffiw", "FFIW"
LAYOUT = """\
  source/{train,val,test}/NAME.mp4           genuine
  target/{train,val,test}/NAME.mp4           forged
  target_mask/{train,val,test}/NAME.mp4      (optional) what was forged
in the folder given, or in folders inside it such as FFIW10K-v1-release, FFIW10K-v1-release-test"""
FOLDERS = {"source": REAL, "target": DOMAIN}
MASKS = "target_mask"


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of FFIW-10K in the order of their names, by the official split.

    Splits that are not there and files that are no videos are logged.

    Raises:
        DataError: the folder is missing, has no genuine or no forged film, or compressions are
            asked for (FFIW-10K has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    releases = [
        f
        for f in (root, *sorted(root.glob("*/")), *sorted(root.glob("*/*/")))
        if any((f / name).is_dir() for name in FOLDERS)
    ]
    clips: list[Clip] = []
    others: list[Path] = []
    absent: list[str] = []
    for folder, domain in FOLDERS.items():
        for split in SPLITS:
            paths = [p for release in releases for p in visible_files(release / folder / split)]
            videos = [path for path in paths if path.suffix.lower() == ".mp4"]
            others += [path.relative_to(root) for path in paths if path not in set(videos)]
            if not videos:
                absent.append(f"{folder}/{split}")
            clips += (_clip(path, dataset, domain, split) for path in videos)
    if not {REAL, DOMAIN} <= {c.domain for c in clips}:
        raise DataError(
            f"{root}: no videos in {', '.join(absent)}; genuine and forged films are needed, "
            f"expected\n{LAYOUT}"
        )
    notify_skipped("folders without a video", absent)
    notify_skipped("files that are no videos", others)
    return sorted(clips, key=lambda c: c.video)


def _clip(path: Path, dataset: str, domain: str, split: str) -> Clip:
    name = path.stem if path.stem.startswith(split) else f"{split}_{path.stem}"
    mask = path.parents[2] / MASKS / split / path.name
    return clip(
        path,
        dataset,
        domain,
        name,
        split,
        source=name if domain == REAL else "",
        mask_path=mask if domain != REAL and mask.is_file() else None,
    )
