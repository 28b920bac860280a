"""Bootstrap draws: how often each video of a test is drawn, person by person where that matters.

Videos of one person are alike, so where people appear in several videos it is people who are drawn
with replacement, each with all videos that show them, genuine and forged. A forgery A_B (the film
of A with the face of B) goes with A, whose film it is; docs/statistics.md has the simulation behind
that, and behind `MIN_PEOPLE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
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
    """How many of them have reals or have fakes, whichever is less: what an interval rests on."""
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
    ("" unknown). People are drawn where each video's is known, some are in several videos, and both
    classes show at least `MIN_PEOPLE`: of each data set as many as it has. Else videos are drawn,
    of each domain of a data set as many as it has.

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
    own = videos["domain"]
    people = _people(videos)
    if people is None:
        return _draws(videos, videos["video"], own, "video", replicates, seed)
    shown = people.groupby(videos["label"]).nunique()
    if people.nunique() < len(videos) and shown.min() >= MIN_PEOPLE:
        return _draws(videos, people, pd.Series("", own.index), "person", replicates, seed)
    repeated = (shown < per_class).any()
    few = people.nunique() if repeated else 0
    return _draws(videos, videos["video"], own, "video", replicates, seed, few)


def _people(videos: pd.DataFrame) -> pd.Series[str] | None:
    """Return who each video shows, apart by data set; None where that of one is not known."""
    if "person" not in videos or not (videos["person"].fillna("") != "").all():
        return None
    return videos["dataset"] + "/" + videos["person"]


def _draws(
    videos: pd.DataFrame,
    units: pd.Series[str],
    strata: pd.Series[str],
    unit: Literal["person", "video"],
    replicates: int,
    seed: int,
    few_people: int = 0,
) -> Draws:
    """Draw ``units`` (V,) among those of the same data set and stratum (V,)."""
    counts = np.empty((replicates, len(videos)), np.uint8)
    names = videos["dataset"] + "/" + strata
    for name in names.unique():
        members = np.flatnonzero(names == name)
        place, own = pd.factorize(units.iloc[members], sort=True)
        counts[:, members] = _drawn(name, len(own), replicates, seed)[:, place]
    fewest = units.groupby(videos["label"]).nunique().min()
    return Draws(counts, unit, units.nunique(), int(fewest), few_people)


@cache
def _drawn(name: str, n: int, replicates: int, seed: int) -> Counts:
    """Draw n of n units with replacement, and return how often each was drawn (replicates, n)."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    counts = np.empty((replicates, n), np.uint8)
    for row in counts:
        row[:] = np.bincount(rng.integers(n, size=n), minlength=n)
    return counts
