"""People of a corpus: rendered from seeds, or portraits in which a face is found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ltw.errors import DataError
from ltw.parallel import Failure, map_unordered
from ltw.progress import progress_bar
from ltw.synth.camera import refilm
from ltw.synth.footage import Footage
from ltw.synth.people import film, sample_person
from ltw.synth.portraits import PortraitPerson, Skip, film_portrait, find_people, load_portrait

CASTING_SEEDS, FILMING_SEEDS, FORGERY_SEEDS, FAILURE_SEEDS, CONDITION_SEEDS, CAMERA_SEEDS = range(6)
"""First number of a seed's spawn key: what is drawn with it."""


@dataclass(frozen=True)
class Actor:
    """One person of a corpus: ``name`` is the number in file names, of three digits or more.

    ``source`` is the photograph's path inside the folder of portraits, or ``rendered``.
    """

    name: str
    source: str

    def film(
        self, faces: Path | None, *, frames: int, size: int, seed: int, own_camera: bool = False
    ) -> Footage:
        """One take of the person, by a camera of their own or by one alike for all.

        The same for the same arguments.
        """

        def draw(what: int) -> np.random.Generator:
            key = (what, int(self.name))
            return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

        rng = draw(FILMING_SEEDS)
        if faces is None:
            footage = film(sample_person(rng), frames=frames, size=size, rng=rng)
        else:
            person = PortraitPerson(self.name, (faces / self.source,))
            footage = film_portrait(person, frames=frames, size=size, rng=rng)
        return refilm(footage, draw(CAMERA_SEEDS)) if own_camera else footage


def cast_people(
    faces: Path | None, people: int | None, seed: int, workers: int | None
) -> tuple[list[Actor], list[Skip]]:
    """Choose ``people`` actors, or all that ``faces`` has; an even number, and what was left out.

    Portraits are tried in an order drawn by ``seed``, and one photograph a person is used, the
    first in which a face is found.

    Raises:
        DataError: there are fewer usable people than asked for.
    """
    if faces is None:
        return [Actor(f"{index:03d}", "rendered") for index in range(people or 0)], []
    found, skips = find_people(faces)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(CASTING_SEEDS,)))
    found = [found[index] for index in rng.permutation(len(found))]
    found = [PortraitPerson(p.name, tuple(rng.permutation(np.array(p.photos)))) for p in found]
    wanted = len(found) if people is None else people
    sources: list[str] = []
    with progress_bar("Finding faces", wanted) as advance:
        while found and len(sources) < wanted:
            batch = found[: wanted - len(sources)]
            found = found[len(batch) :]
            auditions = dict(map_unordered(partial(_audition, faces=faces), batch, workers=workers))
            for position, person in enumerate(batch):  # in the order drawn, not of completion
                audition = auditions[position]
                if isinstance(audition, Failure):
                    skips.append((person.name, audition.reason))
                    continue
                photo, failures = audition
                skips += failures
                if photo is not None:
                    sources.append(photo)
            advance(len(batch))
    if people is not None and len(sources) < people:
        raise DataError(
            f"{faces}: {people} people asked for, {len(sources)} have a face that is found"
        )
    if len(sources) % 2:
        skips.append((sources.pop(), "odd one out: people are forged in pairs"))
    return [Actor(f"{index:03d}", source) for index, source in enumerate(sources)], skips


def _audition(person: PortraitPerson, faces: Path) -> tuple[str | None, list[Skip]]:
    """The person's first photograph with a face, and why those before it have none."""
    failures: list[Skip] = []
    for photo in person.photos:
        inner = photo.relative_to(faces).as_posix()
        try:
            load_portrait(photo)
        except DataError as error:
            failures.append((inner, str(error).removeprefix(f"{photo}: ")))
        else:
            return inner, failures
    return None, failures
