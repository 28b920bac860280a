"""UADFV: 49 films and a face swap of each, ``NNNN_fake.mp4`` of ``NNNN.mp4``.

There is no official split and too little to make one of: all of it is test, as is usual in the
field. Who is shown is not published: a film is a person of its own. DeepfakeBench's crops of it are
read by `deepfakebench`.

The layout is as public code reads it (dfwb-research/deepfake-workbench, DeepfakeBench).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ltw.data.readers._clip import clip
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, visible_files
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET, DOMAIN = "uadfv", "UADFV"
LAYOUT = """\
  real/NNNN.mp4
  fake/NNNN_fake.mp4        the film NNNN with another face"""
FOLDERS = {
    "real": (REAL, re.compile(r"(?P<film>\d+)\.mp4")),
    "fake": (DOMAIN, re.compile(r"(?P<film>\d+)_fake\.mp4")),
}


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of UADFV in the order of their paths; all are in the test split.

    Files with other names are left out and logged.

    Raises:
        DataError: the folder is missing, has no film or no forgery, or compressions are asked for
            (UADFV has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    clips: list[Clip] = []
    others: list[Path] = []
    for folder, (domain, pattern) in FOLDERS.items():
        before = len(clips)
        for path in visible_files(root / folder):
            name = pattern.fullmatch(path.name)
            if name:
                film = name["film"]
                clips.append(
                    clip(path, dataset, domain, path.stem, "test", person=film, source=film)
                )
            else:
                others.append(path.relative_to(root))
        if len(clips) == before:
            raise DataError(f"{root / folder}: no videos there; expected in {root}\n{LAYOUT}")
    notify_skipped("files with other names", others)
    return clips
