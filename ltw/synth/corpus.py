"""Corpus of genuine and forged videos in the folder shape of FaceForensics++.

OUT/original_sequences/<rendered|portraits>/<compression>/videos/000.mp4
OUT/manipulated_sequences/<forgery>/<compression>/videos/000_001.mp4      target 000, donor 001
OUT/manipulated_sequences/<forgery>/masks/videos/000_001.mp4
OUT/splits/{train,val,test}.json    lists of pairs [A, B]; a person is in one pair alone
OUT/people.csv                      name, source: who each number is
OUT/skipped.csv                     name, reason: what could not be used
OUT/truths.csv                      quality and failure of every frame, where they vary
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
from ltw.parallel import Failure, map_unordered
from ltw.progress import progress_bar
from ltw.synth.casting import FAILURE_SEEDS, FORGERY_SEEDS, Actor, cast_people
from ltw.synth.conditions import draw_condition, truths_table
from ltw.synth.failures import fail_clip
from ltw.synth.footage import Footage
from ltw.synth.forgeries import DEFAULT_FORGERIES, forge_clip
from ltw.synth.learned import ALL_FORGERIES, LEARNED, Source, forgery_of
from ltw.synth.plan import COMPRESSIONS, MASK_CRF, MIN_PEOPLE, CorpusPlan
from ltw.synth.portraits import Skip
from ltw.types import SPLITS, TRUTHS

RENDERED_PEOPLE = 24
"""How many people are rendered where no number is given."""

VAL_SHARE = 0.14
"""Share of the pairs in the validation split, as in FaceForensics++."""


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
    quality: str = "fixed",
    failures: float = 0.0,
    bad_detections: float = 0.0,
    autoencoder: Source | None = None,
    test_share: float = 0.14,
    workers: int | None = None,
) -> CorpusSummary:
    """Film people, forge every pair both ways, and write it all; see the module for the files.

    People are rendered (``people`` of them, 24 by default), or come from the portraits in
    ``faces`` (``people`` of them drawn by ``seed``, all by default). Every video has ``frames``
    frames of ``size`` x ``size`` pixels. ``forgeries`` are names of
    `ltw.synth.learned.ALL_FORGERIES`; by default the four of FaceForensics++'s kinds and, with an
    ``autoencoder``, the two learned ones.

    With ``quality`` "varied" every forged video has a strength of its own, from visible to nearly
    invisible, and every person a camera. A share of ``failures`` of the forged videos fails, and a
    share of ``bad_detections`` of all frames is one. OUT/truths.csv then tells which.
    ``test_share`` of the pairs are in the test split and 14% in the validation split.

    A second call with the same parameters keeps every finished file and writes what is missing;
    files are the same whatever the number of ``workers`` (all cores by default) and wherever it was
    cut off.

    Raises:
        ConfigError: an argument is out of its range or names nothing that exists.
        DataError: ``faces`` cannot serve, or ``out`` holds something else.
    """
    plan = CorpusPlan(
        faces=None if faces is None else str(faces.resolve()),
        people=RENDERED_PEOPLE if faces is None and people is None else people,
        frames=frames,
        compressions=tuple(dict.fromkeys(compressions)),
        forgeries=tuple(dict.fromkeys(_default(autoencoder) if forgeries is None else forgeries)),
        size=size,
        seed=seed,
        quality=quality,
        failures=failures,
        bad_detections=bad_detections,
        autoencoder=None if autoencoder is None else autoencoder.digest,
        test_share=test_share,
    )
    plan.validate()
    if workers is not None and workers < 1:
        raise ConfigError(f"workers: {workers} is too few; give 1 or more")
    plan.check_folder(out)
    actors, skips = _cast(out, plan, workers)
    pairs = list(zip(actors[::2], actors[1::2], strict=True))
    _write_splits(out, pairs, plan.test_share)
    if plan.varies:
        write_text(out / TRUTHS, truths_table(plan, pairs).to_csv(index=False))

    files = {
        pair: [out / path for path in plan.files(*(actor.name for actor in pair))] for pair in pairs
    }
    missing = {pair: sum(not path.exists() for path in files[pair]) for pair in pairs}
    todo = [pair for pair in pairs if missing[pair]]
    total, written = sum(map(len, files.values())), 0
    with progress_bar("Writing videos", total, total - sum(missing.values())) as advance:
        work = partial(_make_pair, out, plan, autoencoder)
        for position, count in map_unordered(work, todo, workers=workers):
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


def _write_splits(out: Path, pairs: Sequence[tuple[Actor, Actor]], test_share: float) -> None:
    """Write the official split's format: every split has a pair at least, train the most left."""
    names = [[first.name, second.name] for first, second in pairs]
    n_test = min(max(1, round(test_share * len(names))), len(names) - 2)
    n_val = min(max(1, round(VAL_SHARE * len(names))), len(names) - n_test - 1)
    test, val = len(names) - n_test, len(names) - n_test - n_val
    for split, part in zip(SPLITS, (names[:val], names[val:test], names[test:]), strict=True):
        write_text(out / "splits" / f"{split}.json", json.dumps(part, indent=2) + "\n")


def _default(autoencoder: Source | None) -> tuple[str, ...]:
    return DEFAULT_FORGERIES if autoencoder is None else (*DEFAULT_FORGERIES, *LEARNED)


def _make_pair(
    out: Path, plan: CorpusPlan, autoencoder: Source | None, pair: tuple[Actor, Actor]
) -> int:
    """Film a pair, forge it both ways, and write what is missing; returns the number of files.

    Takes are filmed once, and only where a file is missing; at most two of them, and one forged
    clip, are in memory.
    """
    cv2.setNumThreads(1)  # pairs run side by side: no second layer of threads

    @cache
    def take(actor: Actor) -> Footage:
        return actor.film(
            None if plan.faces is None else Path(plan.faces),
            frames=plan.frames,
            size=plan.size,
            seed=plan.seed,
            own_camera=plan.quality == "varied",
        )

    def missing(paths: dict[str, Path]) -> dict[str, Path]:
        return {kind: out / path for kind, path in paths.items() if not (out / path).exists()}

    written = 0
    for target, donor in (pair, pair[::-1]):
        reals = {kind: plan.real(target.name, kind) for kind in plan.compressions}
        if todo := missing(reals):
            frames = draw_condition(plan, target).spoiled(take(target).frames)
            written += _write(todo, frames)
        for forgery in plan.forgeries:
            kinds = (*plan.compressions, "masks")
            fakes = {kind: plan.fake(forgery, kind, target.name, donor.name) for kind in kinds}
            if todo := missing(fakes):
                forger = forgery_of(forgery, autoencoder)
                condition = draw_condition(plan, target, donor, forgery)
                seeds = [
                    _seed(plan, w, forgery, target, donor) for w in (FORGERY_SEEDS, FAILURE_SEEDS)
                ]
                frames, masks = forge_clip(
                    forger, take(target), take(donor), seeds[0], condition.strength
                )
                if condition.failure:
                    frames, masks = fail_clip(
                        condition.failure,
                        take(target).frames,
                        frames,
                        masks,
                        take(target).landmarks,
                        seeds[1],
                    )
                written += _write(todo, condition.spoiled(frames), masks)
    return written


def _write(
    paths: dict[str, Path], frames: NDArray[np.uint8], masks: NDArray[np.uint8] | None = None
) -> int:
    """Write a clip at every compression in ``paths``, and its masks; how many files."""
    for kind, path in paths.items():
        if kind == "masks" and masks is not None:
            write_video(path, _grey(masks), crf=MASK_CRF)
        else:
            write_video(path, frames, crf=COMPRESSIONS[kind])
    return len(paths)


def _seed(
    plan: CorpusPlan, what: int, forgery: str, target: Actor, donor: Actor
) -> np.random.SeedSequence:
    """A seed that no other clip has, whichever forgeries and workers there are."""
    index = ALL_FORGERIES.index(forgery)
    return np.random.SeedSequence(
        plan.seed, spawn_key=(what, index, int(target.name), int(donor.name))
    )


def _grey(masks: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for mask in masks:
        yield np.repeat(mask[..., None], 3, axis=2)
