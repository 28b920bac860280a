"""Leaks: people trained on and tested on alike; such a test measures recognition, not detection.

A person or a source video counts wherever it is: as the one shown (A of a fake ``A_B``) and as the
donor (B). Names belong to their data set; an empty name is unknown and matches nobody.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

ROLES = (["dataset", "person", "source_video"], ["dataset", "donor_person", "donor_video"])


class SplitPerson(NamedTuple):
    """A person of a data set and the splits, sorted, that the person is in."""

    dataset: str
    person: str
    splits: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.person} of {self.dataset} ({', '.join(self.splits)})"


class Shared(NamedTuple):
    """A person or source video on both sides, with an example video of either side.

    ``kind`` is ``"person"`` or ``"source video"``; ``training`` and ``testing`` are `Face.video`.
    """

    dataset: str
    kind: str
    name: str
    training: str
    testing: str

    def __str__(self) -> str:
        where = f"trained on in {self.training}, tested on in {self.testing}"
        return f"{self.kind} {self.name} of {self.dataset} ({where})"


def people_of(records: pd.DataFrame) -> pd.DataFrame:
    """Return everyone, shown or donor, once a data set: columns ``dataset`` and ``person``."""
    people = _appearances(records, "split").query("person != ''")
    return people[["dataset", "person"]].drop_duplicates(ignore_index=True)


def people_in_two_splits(records: pd.DataFrame) -> list[SplitPerson]:
    """Return everyone, shown or donor, who is in more than one split of a data set, sorted.

    ``records`` has the columns of `ltw.types.Face`, a row a face (a row a video does as well).
    """
    people = _appearances(records, "split").query("person != ''")
    splits = people[["dataset", "person", "split"]].drop_duplicates().sort_values("split")
    return [
        SplitPerson(str(dataset), str(person), tuple(group))
        for (dataset, person), group in splits.groupby(["dataset", "person"])["split"]
        if len(group) > 1
    ]


def shared_people(training: pd.DataFrame, testing: pd.DataFrame) -> list[Shared]:
    """Return the people and source videos that ``training`` and ``testing`` have in common.

    Both are tables with the columns of `ltw.types.Face`: the rows a run learns from (validation
    included) and those that it is tested on. Splits play no part: what a run does not see cannot
    leak. A source video is listed only where that does not follow from a person who is.
    """
    seen, unseen = _appearances(training, "video"), _appearances(testing, "video")
    people = _shared(seen, unseen, "person")
    known = {(leak.dataset, leak.name) for leak in people}
    return people + _shared(_without(seen, known), _without(unseen, known), "source_video")


def _appearances(records: pd.DataFrame, also: str) -> pd.DataFrame:
    """Return (dataset, person, source_video, ``also``) of everyone shown and of every donor."""
    roles = [records[[*role, also]].set_axis([*ROLES[0], also], axis=1) for role in ROLES]
    return pd.concat(roles).drop_duplicates()


def _without(table: pd.DataFrame, people: set[tuple[str, str]]) -> pd.DataFrame:
    return table[~pd.MultiIndex.from_frame(table[["dataset", "person"]]).isin(people)]


def _shared(training: pd.DataFrame, testing: pd.DataFrame, column: str) -> list[Shared]:
    keys = ["dataset", column]
    first = [t[t[column] != ""].groupby(keys)["video"].min() for t in (training, testing)]
    both = pd.concat(first, axis=1, join="inner", keys=["training", "testing"]).sort_index()
    kind = column.replace("_", " ")
    return [Shared(dataset, kind, name, *v) for (dataset, name), *v in both.itertuples(name=None)]
