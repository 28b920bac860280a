"""A corpus of genuine and forged videos in the folder shape of FaceForensics++.

OUT/original_sequences/<rendered|portraits>/<compression>/videos/000.mp4
OUT/manipulated_sequences/<forgery>/<compression>/videos/000_001.mp4      target 000, donor 001
OUT/manipulated_sequences/<forgery>/masks/videos/000_001.mp4
OUT/splits/{train,val,test}.json    lists of pairs [A, B]; a person is in one pair alone
OUT/people.csv                      name, source: who each number is
OUT/skipped.csv                     name, reason: what could not be used
OUT/corpus.json                     the parameters, so that a second call continues this corpus
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.errors import ConfigError, DataError
from ltw.files import write_text
from ltw.media.video import write_video
from ltw.parallel import Failure, each
from ltw.progress import progress_bar
from ltw.synth.casting import FORGERY_SEEDS, Actor, cast_people
from ltw.synth.footage import Footage
from ltw.synth.forgeries import DEFAULT_FORGERIES, FORGERIES, forge_clip
from ltw.synth.plan import COMPRESSIONS, MASK_CRF, MIN_PEOPLE, CorpusPlan
from ltw.synth.portraits import Skip
from ltw.types import SPLITS

RENDERED_PEOPLE = 24
"""How many people are rendered where no number is given."""


@dataclass(frozen=True)
class CorpusSummary:
    """What a corpus holds; a video counts once, whatever the number of its compressions.

    ``written`` counts the files that this call wrote (videos and masks).
    """

    root: Path
    people: int
    real: int
    fake: dict[str, int]
    skips: tuple[Skip, ...]
    written: int


def make_corpus(
    out: Path,
    *,
    faces: Path | None = None,
    people: int | None = None,
    frames: int = 16,
    compressions: Sequence[str] = ("c23",),
    forgeries: Sequence[str] | None = None,
    size: int = 320,
    seed: int = 0,
    workers: int | None = None,
) -> CorpusSummary:
    """Film people, forge every pair both ways, and write it all; see the module for the files.

    People are rendered (``people`` of them, 24 by default), or come from the portraits in
    ``faces`` (``people`` of them drawn by ``seed``, all by default). Every video has ``frames``
    frames of ``size`` x ``size`` pixels. ``forgeries`` are names of
    `ltw.synth.forgeries.FORGERIES`, the four default ones unless named. A second call with the
    same parameters keeps every finished file and writes what is missing; files are the same
    whatever the number of ``workers`` (all cores by default) and wherever it was cut off.

    Raises:
        ConfigError: an argument is out of its range or names nothing that exists.
        DataError: ``faces`` cannot serve, or ``out`` holds something else.
    """
    plan = CorpusPlan(
        faces=None if faces is None else str(faces.resolve()),
        people=RENDERED_PEOPLE if faces is None and people is None else people,
        frames=frames,
        compressions=tuple(dict.fromkeys(compressions)),
        forgeries=tuple(dict.fromkeys(DEFAULT_FORGERIES if forgeries is None else forgeries)),
        size=size,
        seed=seed,
    )
    plan.validate()
    if workers is not None and workers < 1:
        raise ConfigError(f"workers: {workers} is too few; give 1 or more")
    plan.check_folder(out)
    actors, skips = _cast(out, plan, workers)
    pairs = list(zip(actors[::2], actors[1::2], strict=True))
    _write_splits(out, pairs)

    files = {
        pair: [out / path for path in plan.files(*(actor.name for actor in pair))] for pair in pairs
    }
    missing = {pair: sum(not path.exists() for path in files[pair]) for pair in pairs}
    todo = [pair for pair in pairs if missing[pair]]
    total, written = sum(map(len, files.values())), 0
    with progress_bar("Writing videos", total, total - sum(missing.values())) as advance:
        for position, count in each(partial(_make_pair, out, plan), todo, workers=workers):
            if isinstance(count, Failure):
                names = " and ".join(actor.source for actor in todo[position])
                raise DataError(f"{names}: {count.reason}; call again to go on from here")
            advance(count)
            written += count
    return CorpusSummary(
        root=out,
        people=len(actors),
        real=len(actors),
        fake={forgery: len(actors) for forgery in plan.forgeries},
        skips=tuple(skips),
        written=written,
    )


def _cast(out: Path, plan: CorpusPlan, workers: int | None) -> tuple[list[Actor], list[Skip]]:
    """Find who plays, or read who an earlier call of the same plan had found."""
    file = out / "people.csv"
    if not file.exists():
        faces = None if plan.faces is None else Path(plan.faces)
        actors, skips = cast_people(faces, plan.people, plan.seed, workers)
        if len(actors) < MIN_PEOPLE:
            raise DataError(
                f"{plan.faces}: {len(actors)} usable people, at least {MIN_PEOPLE} are needed "
                "(files that share a name up to the last underscore are one person)"
                + "".join(f"; {name}: {reason}" for name, reason in skips[:3])
            )
        write_text(out / "corpus.json", plan.to_json())
        skipped = pd.DataFrame(skips, columns=["name", "reason"])
        write_text(out / "skipped.csv", skipped.to_csv(index=False))
        write_text(file, pd.DataFrame([asdict(a) for a in actors]).to_csv(index=False))
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    skipped = pd.read_csv(out / "skipped.csv", dtype=str, keep_default_na=False)
    return (
        [Actor(name, source) for name, source in rows.itertuples(index=False)],
        [(name, reason) for name, reason in skipped.itertuples(index=False)],
    )


def _write_splits(out: Path, pairs: Sequence[tuple[Actor, Actor]]) -> None:
    """Write the official split's format: 72, 14 and 14 % of the pairs, and one at least in each."""
    names = [[first.name, second.name] for first, second in pairs]
    held_out = max(1, round(0.14 * len(names)))
    test, val = len(names) - held_out, len(names) - 2 * held_out
    for split, part in zip(SPLITS, (names[:val], names[val:test], names[test:]), strict=True):
        write_text(out / "splits" / f"{split}.json", json.dumps(part, indent=2) + "\n")


def _make_pair(out: Path, plan: CorpusPlan, pair: tuple[Actor, Actor]) -> int:
    """Film a pair, forge it both ways, and write what is missing; returns the number of files.

    Takes are filmed once, and only where a file is missing; at most two of them, and one forged
    clip, are in memory.
    """
    cv2.setNumThreads(1)  # pairs run side by side: no second layer of threads

    @cache
    def take(actor: Actor) -> Footage:
        faces = None if plan.faces is None else Path(plan.faces)
        return actor.film(faces, frames=plan.frames, size=plan.size, seed=plan.seed)

    def missing(path: Path) -> bool:
        return not (out / path).exists()

    written = 0
    for target, donor in (pair, pair[::-1]):
        for compression in plan.compressions:
            if missing(path := plan.real(target.name, compression)):
                write_video(out / path, take(target).frames, crf=COMPRESSIONS[compression])
                written += 1
        for forgery in plan.forgeries:
            kinds = (*plan.compressions, "masks")
            paths = {kind: plan.fake(forgery, kind, target.name, donor.name) for kind in kinds}
            paths = {kind: path for kind, path in paths.items() if missing(path)}
            if not paths:
                continue
            seed = _seed(plan, forgery, target, donor)
            frames, masks = forge_clip(FORGERIES[forgery], take(target), take(donor), seed)
            for kind, path in paths.items():
                if kind == "masks":
                    write_video(out / path, _grey(masks), crf=MASK_CRF)
                else:
                    write_video(out / path, frames, crf=COMPRESSIONS[kind])
            written += len(paths)
    return written


def _seed(plan: CorpusPlan, forgery: str, target: Actor, donor: Actor) -> np.random.SeedSequence:
    """A seed that no other clip has, whichever forgeries and workers there are."""
    index = list(FORGERIES).index(forgery)
    return np.random.SeedSequence(
        plan.seed, spawn_key=(FORGERY_SEEDS, index, int(target.name), int(donor.name))
    )


def _grey(masks: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for mask in masks:
        yield np.repeat(mask[..., None], 3, axis=2)
