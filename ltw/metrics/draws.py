"""Bootstrap draws: how often each video of a test is drawn, person by person where that matters.

Videos of one person are alike, so where people appear in several videos it is people who are drawn
with replacement, each with all videos that show them, genuine and forged. A forgery A_B (the film
of A with the face of B) is drawn as often as A, and where B gives its face to several forgeries, as
often as A times as often as B (the pigeonhole bootstrap: Owen, Annals of Applied Statistics 2007).
docs/statistics.md has the simulation behind that, and behind `MIN_PEOPLE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.errors import DataError

Counts = NDArray[np.uint8]

REPLICATES = 1000
MIN_PEOPLE = 20
"""People, genuine and as many forged, from which on people are drawn and not videos."""
_IN = "\0"  # joins a data set and a person; in no name


@dataclass(frozen=True)
class Draws:
    """R draws of the V videos of a test, sorted by name."""

    counts: Counts
    """(R, V): how often each video was drawn."""
    unit: Literal["person", "video"]
    """What was drawn with replacement."""
    units: int
    """How many people or videos there are."""
    fewest: int
    """How many an interval rests on, and widens for: those of the class with fewest.

    Where donors count too, its videos: counting both people of a forgery is wide enough by itself.
    """
    few_people: int = 0
    """How many people appear in several videos of a class though they are too few to be drawn.

    An interval is too narrow then; 0 where it is not.
    """

    @property
    def described(self) -> dict[str, str | int]:
        """Return ``{"unit", "units"}``, with ``"few_people"`` where there are, as metrics.json."""
        few = {"few_people": self.few_people} if self.few_people else {}
        return {"unit": self.unit, "units": self.units, **few}


def draw(faces: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> Draws:
    """Draw the videos of a test.

    ``faces`` has a row a face or a video: dataset, domain, label, video and, where known, person
    and donor_person ("" unknown). People are drawn where each video's person is known, some are in
    several videos, and at least `MIN_PEOPLE` are genuine, are forged and (if any does so to several
    forgeries) give their face: of each data set as many as it has. Else videos are drawn, of each
    domain of a data set as many as it has.

    What is drawn depends on the data set, the number of its people (or the domain and the number of
    its videos) and the seed alone: tests that share people or videos share their draws, whatever
    the run, so differences between runs and means over tests are paired.

    Raises:
        DataError: a class has fewer than two videos.
    """
    videos = faces.drop_duplicates("video").sort_values("video", ignore_index=True)
    per_class = videos["label"].value_counts().reindex([0, 1], fill_value=0)
    for name, n in zip(("real", "fake"), per_class, strict=True):
        if n < 2:
            raise DataError(
                f"an interval resamples videos: at least 2 {name} videos are needed, found {n}"
            )
    people = _People.of(videos)
    few_people = 0
    if people is not None and people.several:
        if people.fewest >= MIN_PEOPLE:
            counts = people.draw(replicates, seed)
            fewest = int(per_class.min()) if people.counted.any() else people.fewest
            return Draws(counts, "person", len(people.names), fewest)
        few_people = len(people.names) if people.repeated else 0
    counts = np.empty((replicates, len(videos)), np.uint8)
    domains = videos["dataset"] + "/" + videos["domain"]
    for domain, members in domains.groupby(domains).indices.items():
        counts[:, members] = _drawn(str(domain), len(members), replicates, seed)
    return Draws(counts, "video", len(videos), int(per_class.min()), few_people)


@dataclass(frozen=True)
class _People:
    """Who the videos show: label, person and donor ("" for none) of each, (V,).

    People of different data sets are different. ``counted`` (V,) says whose donors count: those who
    give their face to several videos. Another one adds nothing that two videos have in common.
    """

    label: pd.Series[int]
    person: pd.Series[str]
    donor: pd.Series[str]
    counted: pd.Series[bool]

    @classmethod
    def of(cls, videos: pd.DataFrame) -> _People | None:
        """Take the columns dataset, label, person, donor_person; None where somebody is unknown."""
        if "person" not in videos or not (videos["person"].fillna("") != "").all():
            return None
        person = videos["dataset"] + _IN + videos["person"]
        named = videos.get("donor_person", pd.Series("", videos.index)).fillna("")
        donor = (videos["dataset"] + _IN + named).where(named != "", "")
        return cls(videos["label"], person, donor, donor.duplicated(keep=False) & (named != ""))

    @property
    def names(self) -> list[str]:
        """Everybody, sorted."""
        return sorted({*self.person, *self.donor} - {""})

    @property
    def several(self) -> bool:
        """Whether somebody is in several videos."""
        return bool(self.person.duplicated().any() or self.counted.any())

    @property
    def repeated(self) -> bool:
        """Whether somebody is in several videos of a class."""
        twice = pd.DataFrame({"label": self.label, "person": self.person}).duplicated()
        return bool(twice.any() or self.counted.any())

    @property
    def fewest(self) -> int:
        """How many people are genuine, are forged, or give their face, whichever is least."""
        counts = self.person.groupby(self.label).nunique().tolist()
        donors = self.donor[self.counted].nunique()
        return min([*counts, donors] if donors else counts)

    def draw(self, replicates: int, seed: int) -> Counts:
        """Return how often each video is drawn (R, V) where people are, those of a set among them.

        As often as the person it shows, times as often as its donor.
        """
        names = pd.Series(self.names)
        drawn = np.empty((replicates, len(names)), np.uint8)
        for dataset, members in names.groupby(names.str.partition(_IN)[0]).indices.items():
            drawn[:, members] = _drawn(f"{dataset}/", len(members), replicates, seed)
        place = pd.Series(np.arange(len(names)), names)
        counts = drawn[:, place[self.person].to_numpy()]
        donors = drawn[:, place[self.donor[self.counted]].to_numpy()]
        counts[:, self.counted.to_numpy()] *= donors  # far below 256
        return counts


@lru_cache(maxsize=64)
def _drawn(name: str, n: int, replicates: int, seed: int) -> Counts:
    """Draw n of n units with replacement, and return how often each was drawn (replicates, n)."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    counts = np.empty((replicates, n), np.uint8)
    for row in counts:
        row[:] = np.bincount(rng.integers(n, size=n), minlength=n)
    return counts
