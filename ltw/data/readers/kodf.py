"""KoDF, the Korean Deepfake Detection Dataset: clips of actors, and forgeries by five methods.

A forgery TARGET_SOURCE_CODE_SEQ shows the actor TARGET with something of SOURCE's; its folder is
its method, and its domain. Which of TARGET's clips it was made from is not told, so training pairs
it with any of them. There is no official split: actors go to train, val and test, 70/15/15, by a
hash of their name, and a forgery that joins actors of two splits is left out.

The two folders are as public code reads them (``kodf_release``); the names of the files as
dfwb-research/deepfake-workbench has them. The clips with adversarial attacks and the layout of
AI-Hub's copy were not confirmed anywhere and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ltw.data.readers._clip import clip, split_of_people
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, visible_files
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET = "kodf"
GENUINE, FORGED = "original_videos", "synthesized_videos"
METHODS = ("audio-driven", "dffs", "dfl", "fo", "fsgan")
LAYOUT = f"""\
  {GENUINE}/ACTOR/ACTOR_NNN.mp4
  {FORGED}/METHOD/DATE/TARGET/TARGET_SOURCE_CODE_SEQ.mp4
where METHOD is {", ".join(METHODS)} and methods may be left out"""
REAL_NAME = re.compile(r"(?P<person>[^_]+)_\d+\.mp4")
FORGERY = re.compile(r"(?P<person>[^_]+)_(?P<donor>[^_]+)_[^_]+_[^_]+\.mp4")


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of KoDF in the order of their paths.

    Left out and logged are methods that are not there, forgeries that join actors
    of two splits, and files with other names.

    Raises:
        DataError: the folder is missing, has no genuine clip or no forgery, or compressions are
            asked for (KoDF has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    clips: list[Clip] = []
    mixed: list[Path] = []
    others: list[Path] = []
    for path in [*visible_files(root / GENUINE), *visible_files(root / FORGED)]:
        file = path.relative_to(root)
        domain = REAL if file.parts[0] == GENUINE else file.parts[1]
        name = (REAL_NAME if domain == REAL else FORGERY).fullmatch(path.name)
        if name is None or len(file.parts) < 3:
            others.append(file)
            continue
        person, donor = name["person"], name.groupdict().get("donor", "")
        split = split_of_people(person, donor)
        if not split:
            mixed.append(file)
            continue
        source = path.stem if domain == REAL else ""
        clips.append(
            clip(path, dataset, domain, path.stem, split, person=person, source=source, donor=donor)
        )
    present = {c.domain for c in clips}
    for folder, there in ((GENUINE, REAL in present), (FORGED, present - {REAL})):
        if not there:
            raise DataError(
                f"{root / folder}: no video that can be used ({len(mixed)} join actors of two "
                f"splits, {len(others)} have other names); expected in {root}\n{LAYOUT}"
            )
    notify_skipped("methods that are not there", [m for m in METHODS if m not in present])
    notify_skipped("files with other names", others)
    notify_skipped("forgeries that join actors of two splits", mixed)
    return clips
