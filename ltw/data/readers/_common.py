"""Readers' common parts: checks of the root, splits by hash, and notices of what is left out."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from ltw.errors import DataError
from ltw.files import unicode_name
from ltw.media.formats import VIDEO_SUFFIXES
from ltw.media.walk import walk

VAL_SHARE = 0.15

log = logging.getLogger("ltw.data.readers")


def require_folder(root: Path, layout: str) -> None:
    """Raise `DataError`, with the expected ``layout``, unless ``root`` is a non-empty folder."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}; expected a folder laid out as\n{layout}")
    if not any(root.iterdir()):
        raise DataError(f"{root} is empty; expected\n{layout}")


def require_parts(root: Path, folders: Iterable[str], test_list: str, layout: str) -> None:
    """Refuse a root that lacks one of the ``folders`` or the ``test_list`` of ``layout``.

    Raises:
        DataError: naming what is missing.
    """
    missing = [f"{name}/" for name in folders if not (root / name).is_dir()]
    if not (root / test_list).is_file():
        missing.append(test_list)
    if missing:
        raise DataError(
            f"{root}: {', '.join(missing)} not there; give the folder that holds all of\n{layout}\n"
            "and unpack the data set again where one of them is missing"
        )


def refuse_levels(root: Path, compressions: Collection[str]) -> None:
    """Raise `DataError` if compressions are asked for, where there are none to choose from."""
    if compressions:
        raise DataError(
            f"{root}: no compression levels to choose from, but {', '.join(compressions)} was "
            "asked for; leave the compression out"
        )


def hashed_share(name: str) -> float:
    """Return the place of ``name`` in [0, 1): evenly spread, the same on every machine."""
    return int.from_bytes(blake2b(unicode_name(name).encode(), digest_size=8).digest()) / 2**64


def train_or_val(name: str) -> str:
    """Return the split of a person or video outside the test set: 15% of the names are val."""
    return "val" if hashed_share(name) < VAL_SHARE else "train"


def shared_split(*people: str) -> str:
    """Return train or val where all ``people`` are in one of them, "" where they are in both."""
    splits = {train_or_val(person) for person in people if person}
    return splits.pop() if len(splits) == 1 else ""


def visible_files(folder: Path) -> list[Path]:
    """Return all files under ``folder``, sorted; hidden ones are left out."""
    found = walk(folder)
    return sorted([*found.files, *found.others])


def notify_skipped(what: str, names: Sequence[object], shown: int = 10) -> None:
    """Log a warning of what was not taken and why; nothing where ``names`` is empty."""
    if names:
        listed = ", ".join(str(name) for name in names[:shown])
        more = f" and {len(names) - shown} more" if len(names) > shown else ""
        log.warning(f"skipped {what} ({len(names)}): {listed}{more}")


def notify_unlisted(
    root: Path, folders: Sequence[Path], listed: Collection[Path], by: str, layout: str
) -> None:
    """Log a warning of videos under ``folders`` that the list ``by`` does not name.

    Raises:
        DataError: none of the ``listed`` videos is there.
    """
    there = {p for f in folders for p in visible_files(f) if p.suffix.lower() in VIDEO_SUFFIXES}
    if not there.intersection(listed):
        raise DataError(
            f"{root}: none of the {len(listed)} listed videos is there; expected\n{layout}"
        )
    unlisted = [path.relative_to(root) for path in sorted(there - set(listed))]
    notify_skipped(f"videos that {by} does not name", unlisted)
