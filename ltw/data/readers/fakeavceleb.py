"""FakeAVCeleb: interviews from VoxCeleb2, and forgeries of their picture, their sound or both.

``meta_data.csv`` names every video. A forgery CLIP_... of person ID shows the film CLIP of ID;
where its ``target1`` is a person, something of that person's is in it. The domain is its method.
Where the sound alone is forged (RealVideo-FakeAudio) the pictures are genuine: such videos are left
out.

There is no official split: people go to train, val and test, 70/15/15, by a hash of their name, and
a forgery that joins people of two splits is left out.

The columns and folders are those of version 1.2 as public code reads them
(dfwb-research/deepfake-workbench and others).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ltw.data.readers._clip import clip, split_of_people
from ltw.data.readers._common import notify_skipped, notify_unlisted, refuse_levels, require_folder
from ltw.data.readers._tables import read_rows
from ltw.errors import DataError
from ltw.types import REAL, Clip

DATASET, TABLE = "fakeavceleb", "meta_data.csv"
GENUINE, SOUND_ALONE = "RealVideo-RealAudio", "RealVideo-FakeAudio"
TYPES = {GENUINE: "A", SOUND_ALONE: "B", "FakeVideo-RealAudio": "C", "FakeVideo-FakeAudio": "D"}
"""The data set's four categories and their letters."""
LAYOUT = f"""\
  {TABLE}                       columns source, target1, method, type, race, gender, path
  {GENUINE}/RACE/GENDER/ID/CLIP.mp4
  FakeVideo-{{RealAudio,FakeAudio}}/RACE/GENDER/ID/CLIP_....mp4
where each of the folders FakeVideo-... may be left out"""
COLUMNS = ("source", "target1", "method", "type", "race", "gender", "path")


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips that ``meta_data.csv`` names, in its order.

    Videos that are listed but not there are clips all the same, so that extraction records them as
    failed, unless their whole category is not there. Left out and logged are such
    categories, videos whose sound alone is forged, forgeries that join people of two splits, and
    videos that the table does not name.

    Raises:
        DataError: the folder, the table or the genuine videos are missing, the table is damaged, or
            compressions are asked for (FakeAVCeleb has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    if not (root / GENUINE).is_dir():
        raise DataError(f"{root / GENUINE} is missing; expected in {root}\n{LAYOUT}")
    clips: list[Clip] = []
    listed: set[Path] = set()
    sound, mixed, absent = [], [], []
    for number, row in enumerate(read_rows(root / TABLE, COLUMNS), start=2):
        kind = row["type"]
        if kind not in TYPES or not row["source"] or not row["path"]:
            raise DataError(
                f"{root / TABLE}, line {number}: type {kind!r}, source {row['source']!r}, path "
                f"{row['path']!r}; a row names one of {', '.join(TYPES)}, a person and a file: "
                "unpack it again"
            )
        file = Path(kind, row["race"], row["gender"], row["source"], row["path"])
        listed.add(root / file)
        if kind == SOUND_ALONE:
            sound.append(file)
        elif not (root / kind).is_dir():
            absent.append(file)
        elif new := _clip(root / file, row, dataset):
            clips.append(new)
        else:
            mixed.append(file)
    folders = [root / kind for kind in TYPES]
    notify_unlisted(root, [f for f in folders if f.is_dir()], listed, TABLE, LAYOUT)
    notify_skipped("videos whose category is not there", absent)
    notify_skipped("videos whose sound alone is forged", sound)
    notify_skipped("forgeries that join people of two splits", mixed)
    return clips


def _clip(path: Path, row: dict[str, str], dataset: str) -> Clip | None:
    """Make the clip of a row; None where its people are in two splits."""
    person, kind = row["source"], row["type"]
    genuine = kind == GENUINE
    donor = row["target1"] if row["target1"].startswith("id") else ""
    split = split_of_people(person, donor)
    if not split:
        return None
    name = f"{person}_{path.stem}"
    return clip(
        path,
        dataset,
        REAL if genuine else row["method"],
        name if genuine else f"{TYPES[kind]}_{name}",  # one name is in both categories
        split,
        person=person,
        source=f"{person}_{path.stem.partition('_')[0]}",
        donor=donor,
    )
