"""Meta-split and pairing: domains, batches and counterparts, as pure index logic.

Rules and their reasons are in docs/method.md ("Meta-split and pairing"). Rows are those of a table
of records with the columns of `ltw.types.Face`; nothing here reads an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.types import REAL

Rows = NDArray[np.int64]
"""int64 (K,): rows of the record table."""


@dataclass(frozen=True)
class BatchRows:
    """Batch by rows: the K faces of one step and, for meta-learning methods, K counterparts.

    ``weight_counterparts`` are a second set, where weights are judged by other faces than θ is.
    """

    faces: Rows
    counterparts: Rows | None = None
    weight_counterparts: Rows | None = None

    def of(self, rows: Rows) -> BatchRows:
        """Return the places in ``rows`` that these are, as what stands there."""
        sets = (self.faces, self.counterparts, self.weight_counterparts)
        return BatchRows(*(None if places is None else rows[places] for places in sets))  # type: ignore[arg-type]


def meta_split(sources: Sequence[str], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Shuffle the N source domains into ceil(N/2) meta-train domains and the rest as meta-test.

    Raises:
        DataError: fewer than two domains.
    """
    if len(sources) < 2:
        raise DataError(
            f"sources {list(sources)}: a meta-learning method holds out a source domain at every "
            "epoch, so it needs at least two; add one, or train with method = 'alltrain'"
        )
    shuffled = [sources[i] for i in rng.permutation(len(sources))]
    half = (len(sources) + 1) // 2
    return shuffled[:half], shuffled[half:]


@dataclass
class Pairing:
    """Pairing of ``records``' faces: a fake with its real, a real with a meta-test fake.

    A fake of A_B is paired with the real A, a real A with a fake A_*; of the same data set and
    compression; the same frame where present, else the nearest kept frame (the earlier of two).
    Where A has no such face, the same person is taken, else any; ``fallbacks`` counts how often.

    Of the pairing ``"other person"``, a counterpart shows anybody but the people of the face, A and
    B, and is made from none of them; in all else the rules are the same. Who is not known by name
    is told apart by the video shown.
    """

    records: pd.DataFrame
    fallbacks: dict[str, int] = field(default_factory=lambda: {"person": 0, "any": 0})

    def __post_init__(self) -> None:
        """Index the faces of every domain by video shown and by person."""
        table = self.records
        self._domain = table["domain"].to_numpy()
        self._frame = table["frame"].to_numpy()
        self._video = pd.factorize(table["video"], sort=True)[0]  # numbers: quicker to compare
        self._people = _people(table)
        setting = list(zip(table["dataset"], table["compression"], strict=True))
        self._keys: list[list[tuple[object, ...]]] = [
            list(zip(setting, self._domain, table["source_video"], strict=True)),
            list(zip(setting, self._domain, table["person"], strict=True)),
            list(zip(setting, self._domain, strict=True)),
        ]
        self._groups: list[dict[object, Rows]] = [
            {key: np.array(rows) for key, rows in _group(keys).items()} for keys in self._keys
        ]

    def counterpart(
        self,
        face: int,
        meta_test: Sequence[str],
        rng: np.random.Generator,
        pairing: str = "same video",
    ) -> int:
        """Return the row paired with ``face``.

        Raises:
            DataError: no face of the wanted domains is there at all, or none of another person.
        """
        wanted = list(meta_test) if self._domain[face] == REAL else [REAL]
        if pairing == "other person":
            return self._other_person(face, wanted, rng)
        for keys, groups, tier in zip(self._keys, self._groups, ("", "person", "any"), strict=True):
            setting, _, *rest = keys[face]
            if "" in rest:
                continue  # nobody knows of which video or person this face is
            found = [groups[key] for d in wanted if (key := (setting, d, *rest)) in groups]
            if found:
                if tier:
                    self.fallbacks[tier] += 1
                rows = found[rng.integers(len(found))]  # a domain, each as likely
                return self._nearest(face, rows, rng)
        raise DataError(
            f"{self.records['video'].iloc[face]}, frame {self._frame[face]}: no counterpart of "
            f"domain {' or '.join(map(repr, wanted))} in the same data set and compression; "
            "extract it there too, or train on one data set and compression"
        )

    def _other_person(self, face: int, wanted: list[str], rng: np.random.Generator) -> int:
        setting = self._keys[-1][face][0]
        found = [
            others
            for domain in wanted
            if (rows := self._groups[-1].get((setting, domain))) is not None
            and len(others := rows[self._are_others(face, rows)])
        ]
        if not found:
            raise DataError(
                f"{self.records['video'].iloc[face]}, frame {self._frame[face]}: no counterpart of "
                f"domain {' or '.join(map(repr, wanted))} shows another person in the same data "
                "set and compression; extract more people, or take counterparts = 'same video'"
            )
        return self._nearest(face, found[rng.integers(len(found))], rng)

    def _are_others(self, face: int, rows: Rows) -> NDArray[np.bool_]:
        """Return which rows have none of the people that ``face`` is made of, bool (N,)."""
        people = [person for person in self._people[face] if person >= 0]
        return np.asarray(~np.isin(self._people[rows], people).any(axis=1))

    def _nearest(self, face: int, rows: Rows, rng: np.random.Generator) -> int:
        videos = np.unique(self._video[rows])
        rows = rows[self._video[rows] == videos[rng.integers(len(videos))]]
        distance = np.abs(self._frame[rows] - self._frame[face])
        return int(rows[np.lexsort((self._frame[rows], distance))[0]])


def epoch_batches(
    pairing: Pairing,
    faces: Rows,
    sources: Sequence[str],
    *,
    steps: int,
    batch_size: int,
    paired: bool,
    rng: np.random.Generator,
    pairings: Sequence[str] = ("same video",),
) -> Iterator[BatchRows]:
    """Draw the batches of one epoch: half real, half fake (one more fake where K is odd).

    ``faces`` are the training rows. With ``paired``, fakes come from the epoch's meta-train domains
    and counterparts of reals from its meta-test ones; else from all ``sources``. Each pool is gone
    through in random order, and again when it is used up. ``pairings`` says how counterparts
    are chosen, and where it names two, how the second set is.

    Raises:
        DataError: no real or no fake to draw from, no counterpart, or, with ``paired``, fewer than
            two sources.
    """
    train, test = meta_split(sources, rng) if paired else (list(sources), [])
    domain = pairing.records["domain"].to_numpy()[faces]
    reals = _cycle(faces[domain == REAL], "real", rng)
    fakes = _cycle(faces[np.isin(domain, train)], " or ".join(train), rng)
    n_real = batch_size // 2
    for _ in range(steps):
        rows = np.concatenate([_take(reals, n_real), _take(fakes, batch_size - n_real)])
        if not paired:
            yield BatchRows(rows)
            continue
        sets = (
            np.array([pairing.counterpart(int(row), test, rng, how) for row in rows], np.int64)
            for how in pairings
        )
        yield BatchRows(rows, *sets)


def _cycle(rows: Rows, what: str, rng: np.random.Generator) -> Iterator[int]:
    if not len(rows):
        raise DataError(f"no face of domain {what} among the training faces")
    while True:
        yield from rng.permutation(rows).tolist()


def _take(rows: Iterator[int], n: int) -> Rows:
    return np.array([next(rows) for _ in range(n)], np.int64)


def _group(keys: Sequence[object]) -> dict[object, list[int]]:
    groups: dict[object, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return groups


def _people(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return numbers (N, 2) of the people that a face shows and is made from; -1 where unknown.

    A shown person without a name is one by the name of the video shown, where that is known.
    """
    shown = table["person"].where(table["person"] != "", "video " + table["source_video"])
    donor = table["donor_person"] if "donor_person" in table else pd.Series("", index=table.index)
    names = pd.concat([shown.where(shown != "video ", ""), donor])
    numbers = pd.factorize(names.where(names != ""))[0]
    return np.asarray(numbers.reshape(2, -1).T, np.int64)
