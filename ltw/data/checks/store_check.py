"""Store check: what is wrong with a store (problems), and what it lacks (notes)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from ltw.data.checks.completeness import Note, notes_on_videos
from ltw.data.checks.counterparts import counterparts
from ltw.data.checks.identical import identical_faces
from ltw.data.checks.leaks import people_in_two_splits
from ltw.data.checks.masks import contradicting_masks
from ltw.data.store import Store, open_shard, shard_path
from ltw.errors import DataError
from ltw.progress import progress_bar

SHOWN = 5
CHUNK = 256


@dataclass(frozen=True)
class Findings:
    """Findings of a check, a sentence each.

    ``problems`` make figures on this store wrong; ``notes`` say what it lacks, perhaps on purpose.
    ``missing`` are those of the notes that count official videos, with all the names.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[Note] = field(default_factory=list)

    @property
    def other_notes(self) -> list[str]:
        """The notes that do not count official videos."""
        counted = {note.text + note.tail for note in self.missing}
        return [note for note in self.notes if note not in counted]


def store_check(path: Path) -> Findings:
    """Check the store at ``path``.

    Without problems it is finished, its shards are there and agree with the records, every image
    decodes from the bytes that were written, no video has two faces of one frame, no two videos
    have the same face, no person (shown or donor) is in two splits of a data set, every forgery's
    genuine video is there if it is known, and masks agree with what is forged. Notes name the
    videos that failed or that the data set officially has beside those in the store, and count
    forgeries of unknown source.
    """
    try:
        store = Store(path)
    except DataError as error:
        return Findings([str(error)])
    checks = (_shards, _images, _duplicates, _identical, _leaks, _masks)
    problems = [problem for check in checks for problem in check(store)]
    videos = store.records.drop_duplicates("video").set_index("video")
    found = counterparts(store.records)
    named = videos["source_video"][found.index] != ""
    problems += _absent_sources(found[named])
    official = list(notes_on_videos(store.videos))
    notes = [*(note.text + note.tail for note in official), *_unnamed_sources(found[~named])]
    return Findings(problems, notes, [note for note in official if note.missing])


def _shards(store: Store) -> Iterator[str]:
    """Compare every shard with the records that point into it."""
    for number, records in store.records.groupby("shard"):
        path = shard_path(store.path, int(str(number)))
        try:
            shard = open_shard(path)
        except DataError as error:
            yield str(error)
            continue
        there = shard.select(["video", "frame", "label", "split"]).to_pandas()
        listed = records.sort_values("row")[list(there.columns)].reset_index(drop=True)
        rows = records["row"].sort_values().tolist()
        if rows != list(range(shard.num_rows)):
            yield f"{path}: {shard.num_rows} faces, the records list {len(rows)} of them"
        elif not (listed.to_numpy() == there.to_numpy()).all():
            yield f"{path}: its faces are not those that the records list"


def _images(store: Store) -> Iterator[str]:
    """Decode every face; threads help, since decoding and checksums leave Python's lock."""
    chunks = [range(k, min(k + CHUNK, len(store))) for k in range(0, len(store), CHUNK)]
    checksums = store.records["crc32"].to_numpy(np.uint32)
    broken: list[int] = []
    with (
        progress_bar("checking faces", len(store)) as advance,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for chunk, found in zip(
            chunks, pool.map(partial(_broken, store, checksums), chunks), strict=True
        ):
            broken += found
            advance(len(chunk), f"{len(broken)} damaged" if broken else "")
    yield from _listed("damaged faces", [_face(store, index) for index in broken])


def _broken(store: Store, checksums: np.ndarray, indices: Sequence[int]) -> list[int]:
    broken = []
    for index in indices:
        try:
            encoded = store.encoded(index)
            if encoded is None or crc32(encoded) != checksums[index]:
                raise DataError("other bytes than were written")
            store.image(index)
            store.mask(index)
        except DataError:
            broken.append(index)
    return broken


def _duplicates(store: Store) -> Iterator[str]:
    twice = store.records.duplicated(["video", "frame"])
    names = [_face(store, int(index)) for index in twice.to_numpy().nonzero()[0]]
    yield from _listed("faces that are there twice, same video and frame", names)


def _identical(store: Store) -> Iterator[str]:
    """Find the same picture in two videos: a wrong label, a leak, or a copy."""
    labels, splits = (store.records[column].to_numpy() for column in ("label", "split"))
    noise, leaks, copies = [], [], []
    for faces in identical_faces(store):
        kinds = [index for index in faces if labels[index] >= 0]
        if len(set(labels[kinds])) > 1:
            noise.append(_pair(store, kinds, labels))
        if len(set(splits[faces])) > 1:
            leaks.append(_pair(store, faces, splits))
        elif len(set(labels[kinds])) < 2:
            copies.append(_pair(store, faces, store.records["video"].to_numpy()))
    yield from _listed("pictures that are there as genuine and as forged, byte for byte", noise)
    yield from _listed("pictures in more than one split, byte for byte", leaks)
    yield from _listed("pictures in more than one video, byte for byte", copies)


def _pair(store: Store, faces: Sequence[int], values: np.ndarray) -> str:
    """Name the first face and the first that differs from it in ``values``."""
    other = next(index for index in faces if values[index] != values[faces[0]])
    return f"{_face(store, faces[0])} = {_face(store, other)}"


def _leaks(store: Store) -> Iterator[str]:
    leaks = [str(leak) for leak in people_in_two_splits(store.records)]
    yield from _listed("people in more than one split", leaks)


def _absent_sources(found: pd.Series[str]) -> Iterator[str]:
    """Find, of the forgeries that name their source, those that cannot be paired with it."""
    names = found.index[found != "source"]
    yield from _listed("forgeries whose genuine video is not in the store", [*map(str, names)])


def _masks(store: Store) -> Iterator[str]:
    for what, videos in contradicting_masks(store):
        yield from _listed(what, videos)


def _unnamed_sources(found: pd.Series[str]) -> Iterator[str]:
    """Say what forgeries that do not name their source are paired with."""
    if len(found):
        person = int((found == "person").sum())
        yield (
            f"forgeries that do not name the genuine video they show ({len(found)}): training "
            f"pairs {person} with another of their person, {len(found) - person} with any"
        )


def _listed(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{what} ({len(names)}): {', '.join(names[:SHOWN])}{more}"


def _face(store: Store, index: int) -> str:
    face = store.records.iloc[index]
    return f"{index} ({face['video']}, frame {face['frame']})"
