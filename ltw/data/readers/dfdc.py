"""The Deepfake Detection Challenge (DFDC): real films, and forgeries that name their original.

The training parts come with ``metadata.json``. LTW's test set is taken from them: the last 200 real
videos by sorted name and the forgeries made from those (the paper says no more). The other videos
are train and val, apart by original: 15% of the originals, by a hash of their name, go to val with
all that was made from them. Who is shown is not published: a video's ``person`` is its original, so
one actor may be in several splits, and nobody can check it.

The challenge's held-out videos come with ``labels.csv``, or with a ``metadata.json`` that has
``is_fake`` for a label, and no originals: all of them are test. The preview set is another matter:
`dfdc_preview`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ltw.data.readers import dfdc_preview
from ltw.data.readers._common import (
    log,
    notify_unlisted,
    refuse_levels,
    require_folder,
    train_or_val,
)
from ltw.errors import DataError
from ltw.types import ONE_LEVEL, REAL, Clip

METADATA, LABELS = "metadata.json", "labels.csv"
LAYOUT = f"""\
  dfdc_train_part_N/{METADATA}     {{"X.mp4": {{"label": "FAKE", "original": "Y.mp4"}}, ...}}
  dfdc_train_part_N/X.mp4
or, for the challenge's held-out videos,
  {LABELS}                          columns filename, label (0: real, 1: forged)
  X.mp4
(or {METADATA}                   {{"X.mp4": {{"is_fake": 1}}, ...}})
or, for the preview set,
{dfdc_preview.LAYOUT}"""
DOMAIN = "DFDC"
PARTS = 50
TEST_REALS = 200


@dataclass(frozen=True)
class Entry:
    """A listed video; ``original`` is the name of the real film it shows, "" where not told."""

    path: Path
    label: int
    original: str


def read(root: Path, *, dataset: str = "", compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of DFDC, part by part as they are listed there.

    ``dataset`` is ``dfdc`` for the training parts, ``dfdc-heldout`` for the held-out videos and
    ``dfdc-preview`` for the preview set. Videos that are listed but not there are clips all the
    same, so that extraction records them as failed. Logged are videos that no list names,
    which are left out, and a test set that is not the paper's because parts are missing.

    Raises:
        DataError: the folder is missing or laid out otherwise, a list is missing or damaged, or
            compressions are asked for (DFDC has one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    parts = sorted(path for path in root.glob("dfdc_train_part_*") if path.is_dir())
    if parts:
        return _training_parts(root, parts, dataset or "dfdc")
    if (root / dfdc_preview.INDEX).is_file():
        return dfdc_preview.read_preview(root, dataset)
    for name, listed in ((LABELS, _labels), (METADATA, _held_out)):
        if (root / name).is_file():
            entries = listed(root / name)
            notify_unlisted(root, [root], {entry.path for entry in entries}, name, LAYOUT)
            return [_clip(entry, dataset or "dfdc-heldout", "test") for entry in entries]
    raise DataError(
        f"{root}: neither dfdc_train_part_N folders nor {LABELS}, {METADATA} or "
        f"{dfdc_preview.INDEX}; expected\n{LAYOUT}"
    )


def _training_parts(root: Path, parts: Sequence[Path], dataset: str) -> list[Clip]:
    entries = [entry for part in parts for entry in _metadata(part / METADATA)]
    notify_unlisted(root, parts, {entry.path for entry in entries}, METADATA, LAYOUT)
    if len(parts) != PARTS:
        log.warning(
            f"{len(parts)} of the {PARTS} training parts are in {root}: the test set is the last "
            f"{TEST_REALS} real videos of these, not the paper's"
        )
    test = _last_reals(entries)
    return [_clip(entry, dataset, "test" if entry.original in test else "") for entry in entries]


def _last_reals(entries: Sequence[Entry]) -> set[str]:
    return set(sorted(entry.original for entry in entries if entry.label == 0)[-TEST_REALS:])


def _clip(entry: Entry, dataset: str, split: str) -> Clip:
    """Make the clip of a listed video; without ``split``, train or val by its original's name."""
    domain = DOMAIN if entry.label else REAL
    shown = entry.original or entry.path.stem
    return Clip(
        path=entry.path,
        dataset=dataset,
        domain=domain,
        label=entry.label,
        compression=ONE_LEVEL,
        video=f"{dataset}/{domain}/{ONE_LEVEL}/{entry.path.stem}",
        split=split or train_or_val(shown),
        person=shown,
        source_video=entry.original,
    )


def _metadata(path: Path) -> list[Entry]:
    """Return the videos that a training part's metadata.json lists."""
    if not path.is_file():
        raise DataError(f"{path} is missing; unpack this part of DFDC again, or take it away")
    try:
        listed = json.loads(path.read_text())
        return [_entry(path.parent / name, fields) for name, fields in listed.items()]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f'{path}: not a list of videos as {{"X.mp4": {{"label": "REAL" or "FAKE", "original": '
            f'"Y.mp4" of a FAKE}}, ...}} ({error}); unpack this part of DFDC again'
        ) from None


def _entry(path: Path, fields: Mapping[str, object]) -> Entry:
    label, original = fields["label"], fields.get("original")
    if label == "REAL":
        return Entry(path, 0, path.stem)
    if label != "FAKE":
        raise ValueError(f"{path.name} has the label {label!r}")
    if not isinstance(original, str) or not original:
        raise ValueError(f"{path.name} is FAKE and its original is {original!r}")
    return Entry(path, 1, Path(original).stem)


def _labels(path: Path) -> list[Entry]:
    """Return the videos that the held-out videos' labels.csv lists."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows = zip(table["filename"], table["label"].map({"0": 0, "1": 1}), strict=True)
        return [
            Entry(path.parent / name, int(label), "" if label else Path(name).stem)
            for name, label in rows
        ]
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a table with the columns filename and label, 0 or 1 ({error}); unpack it "
            "again"
        ) from None


def _held_out(path: Path) -> list[Entry]:
    """Return the videos that the held-out videos' metadata.json lists."""
    try:
        listed = json.loads(path.read_text())
        labels = {name: {0: 0, 1: 1}[fields["is_fake"]] for name, fields in listed.items()}
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f'{path}: not a list of held-out videos as {{"X.mp4": {{"is_fake": 0 or 1}}, ...}} '
            f"({error}); unpack it again. A training part belongs into a folder dfdc_train_part_N, "
            "and the folder above it is the one to give"
        ) from None
    return [
        Entry(path.parent / name, label, "" if label else Path(name).stem)
        for name, label in labels.items()
    ]
