"""DeepSpeak, version 1.1 or 2: people before their webcams, and swaps, lip-syncs and avatars.

Three tables come with it: one of genuine videos, one of forgeries, which names who is shown
(``identity-target``), whose face or voice drives it (``identity-source``) and the recording shown,
and the official split of people into train and test. The domain is the engine that made a forgery.
Val is taken from the people of train, 15% by a hash of their name; forgeries that join people of
two splits are left out.

The tables' columns and the names of the videos, PERSON-RECORDING where genuine, are as public code
reads them (hfaridlab/deepspeak, dfwb-research/deepfake-workbench). In which folders the archives
unpack was not confirmed: videos are found by their names, wherever they lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ltw.data.readers._clip import clip
from ltw.data.readers._common import (
    notify_skipped,
    refuse_levels,
    require_folder,
    train_or_val,
    visible_files,
)
from ltw.data.readers._tables import read_rows
from ltw.errors import DataError
from ltw.types import REAL, Clip

GENUINE, FORGED, SPLIT = (f"annotations-{what}.csv" for what in ("real", "fake", "split-def"))
LAYOUT = f"""\
  {GENUINE}         columns video-file, identity
  {FORGED}         columns video-file, engine, identity-source, identity-target,
                               recording-target
  {SPLIT}    columns identity, split (train or test)
  .../PERSON-RECORDING.mp4     the videos that the tables name, in any folders"""
FORGERY_COLUMNS = ("video-file", "engine", "identity-source", "identity-target", "recording-target")


def read(root: Path, *, dataset: str = "", compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips that the tables name: genuine ones, then forgeries, in the tables' order.

    ``dataset`` is ``deepspeak-v1`` or ``deepspeak-v2``, by how forgeries are named. Left out and
    logged are videos that are listed and not there, since archives come one by one,
    those that no table names, and those whose people are in no split, or in two.

    Raises:
        DataError: the folder or a table is missing or damaged, no genuine or no forged video is
            there, or compressions are asked for (DeepSpeak has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    split_of = _splits(root / SPLIT)
    paths = {path.name: path for path in visible_files(root) if path.suffix.lower() == ".mp4"}
    genuine = list(read_rows(root / GENUINE, ("video-file", "identity")))
    forged = list(read_rows(root / FORGED, FORGERY_COLUMNS))
    version = 1 if any("--" in row["video-file"] for row in forged) else 2
    dataset = dataset or f"deepspeak-v{version}"
    listed = [_file(row["video-file"]) for row in [*genuine, *forged]]
    clips: list[Clip] = []
    unsplit: list[str] = []
    for name, row in zip(listed, [*genuine, *forged], strict=True):
        if name not in paths:
            continue
        new = _clip(paths[name], row, dataset, split_of)
        if new.split:
            clips.append(new)
        else:
            unsplit.append(name)
    domains = {c.domain for c in clips}
    if REAL not in domains or len(domains) < 2:
        raise DataError(
            f"{root}: {len(clips)} of the {len(listed)} listed videos can be used; genuine and "
            f"forged ones are needed: unpack more of the archives, expected\n{LAYOUT}"
        )
    notify_skipped("listed videos that are not there", [n for n in listed if n not in paths])
    notify_skipped("videos that no table names", sorted(paths.keys() - set(listed)))
    notify_skipped("videos whose people are in no split, or in two", unsplit)
    return clips


def _clip(path: Path, row: dict[str, str], dataset: str, split_of: dict[str, str]) -> Clip:
    """Make the clip of a row, without a split where its people are in none or in two."""
    forged = "engine" in row
    person = row["identity-target"] if forged else row["identity"]
    donor = row["identity-source"] if forged else ""
    recording = row.get("recording-target", "")
    splits = {split_of.get(who, "") for who in (person, donor) if who}
    return clip(
        path,
        dataset,
        row["engine"] if forged else REAL,
        path.stem,
        splits.pop() if len(splits) == 1 else "",
        person=person,
        source=path.stem if not forged else f"{person}-{recording}" if recording else "",
        donor=donor,
    )


def _file(video: str) -> str:
    """Return the name of a video's file, which the tables may give with folders or without .mp4."""
    return f"{video.rpartition('/')[2].removesuffix('.mp4')}.mp4"


def _splits(path: Path) -> dict[str, str]:
    """Return the split of every person: the official one, and val out of train."""
    return dict(_split_rows(path))


def _split_rows(path: Path) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(read_rows(path, ("identity", "split")), start=2):
        split = row["split"].lower()
        if split not in {"train", "test"}:
            raise DataError(
                f"{path}, line {number}: split {row['split']!r}; it is train or test: unpack it "
                "again"
            )
        yield row["identity"], split if split == "test" else train_or_val(row["identity"])
