"""Completeness: what a store lacks of the data sets it was made from, by name where known.

A part of a data set is often all that is wanted: these are notes, not problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from ltw.data.official import Official, Subset, official
from ltw.types import ONE_LEVEL, REAL, SPLITS

SHOWN = 5
ABSENT = "not in the store"


class Note(NamedTuple):
    """A sentence on a store's videos, ``text`` and ``tail``.

    Where it is on official videos that are missing, ``missing`` is their number, ``where`` the data
    set and level they are of, and ``names`` are all names that are known, each with the reason; the
    tail gives some of them.
    """

    text: str
    tail: str = ""
    missing: int = 0
    where: str = ""
    names: tuple[str, ...] = ()


def missing_videos(videos: pd.DataFrame) -> Iterator[str]:
    """Say, a sentence each, what `notes_on_videos` finds."""
    return (note.text + note.tail for note in notes_on_videos(videos))


def notes_on_videos(videos: pd.DataFrame) -> Iterator[Note]:
    """Say, a sentence each, which videos of which data set, level, domain and split are missing.

    ``videos`` is a store's table of videos. One that failed counts as missing, with its reason. A
    data set is held against the official numbers if one of its forgeries has them: a corpus that
    only borrows a data set's layout is not that data set.
    """
    for dataset, table in videos.groupby("dataset"):
        numbers = official(str(dataset))
        forgeries = set(table["domain"]) - {REAL}
        if numbers and forgeries & {subset.domain for subset in numbers.subsets}:
            for level, of_level in table.groupby("compression"):
                where = str(dataset) + ("" if level == ONE_LEVEL else f" {level}")
                yield from _against(numbers, where, of_level)
            continue
        failed = _failed(table)
        if failed:
            text = f"{len(failed)} of {len(table)} videos of {dataset} gave no face"
            yield Note(text, f": {_list(failed)}")


def _against(numbers: Official, where: str, table: pd.DataFrame) -> Iterator[Note]:
    present = set(table["domain"])
    wanted = dict.fromkeys(s.domain for s in numbers.subsets if not s.optional)
    absent = [domain for domain in wanted if domain not in present]
    if absent:
        total = sum(subset.videos for subset in numbers.subsets if subset.domain in absent)
        yield Note(f"{where}: no video of {', '.join(absent)}", missing=total, where=where)
    for subset in numbers.subsets:
        if subset.domain in present:
            yield from _subset(subset, where, table[table["domain"] == subset.domain])


def _subset(subset: Subset, where: str, table: pd.DataFrame) -> Iterator[Note]:
    here = table[table["split"].isin(subset.splits)]
    good = int((here["status"] == "ok").sum())
    named = _failed(here)
    split_of = dict(zip(_names(table), table["split"], strict=True))
    for name in sorted(subset.names - set(_names(here))):
        named.append(f"{name} ({f'in {split_of[name]}' if name in split_of else ABSENT})")
    splits = "" if len(subset.splits) == len(SPLITS) else f"{' and '.join(subset.splits)} "
    what = f"{splits}videos of {subset.domain} in {where}"
    lacking = max(subset.videos - good, len(named))
    if lacking > 0:
        remark = f" ({subset.remark})" if subset.remark and len(named) < lacking else ""
        text, tail = f"missing: {lacking} of {subset.videos} {what}", _list(named, lacking)
        yield Note(text, f": {tail}{remark}", lacking, where, tuple(named))
    elif good > subset.videos:
        yield Note(f"{good} {what}, where there should be {subset.videos}")


def _failed(table: pd.DataFrame) -> list[str]:
    failed = table[table["status"] == "failed"]
    return [f"{n} ({r})" for n, r in zip(_names(failed), failed["reason"], strict=True)]


def _names(table: pd.DataFrame) -> list[str]:
    """Return the videos' names within data set, domain and compression."""
    return [str(video).split("/", 3)[-1] for video in table["video"]]


def _list(names: Sequence[str], total: int | None = None) -> str:
    """List the first ``names`` of ``total``, of which the others may have no known name."""
    rest = (total or len(names)) - min(len(names), SHOWN)
    if not names:
        return "which is not known"
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest else "")
