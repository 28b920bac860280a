"""Clips of data sets that come in one compression, and splits where none is official."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltw.data.readers.folder import split_by_hash
from ltw.types import ONE_LEVEL, REAL, Clip


def clip(
    path: Path,
    dataset: str,
    domain: str,
    name: str,
    split: str,
    *,
    person: str = "",
    source: str = "",
    donor: str = "",
    **places: Any,
) -> Clip:
    """Return the clip ``name`` of ``domain``, at the one level there is.

    ``person``, ``source`` (the genuine video shown) and ``donor`` are "" where the data set does
    not say; a donor who is the person shown is none. ``places`` are further fields of `Clip`.
    """
    return Clip(
        path=path,
        dataset=dataset,
        domain=domain,
        label=int(domain != REAL),
        compression=ONE_LEVEL,
        video=f"{dataset}/{domain}/{ONE_LEVEL}/{name}",
        split=split,
        person=person,
        source_video=source,
        donor_person="" if donor == person else donor,
        **places,
    )


def split_of_people(*people: str) -> str:
    """Return the split that all ``people`` are in, 70/15/15 by hash, "" where they are in two."""
    splits = {split_by_hash(person) for person in people if person}
    return splits.pop() if len(splits) == 1 else ""
