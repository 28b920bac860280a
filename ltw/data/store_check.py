"""What is in a store, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd

from ltw.data.store import Store, open_shard, shard_path
from ltw.errors import DataError
from ltw.types import REAL

SHOWN = 5


def store_info(store: Store) -> dict[str, Any]:
    """Count a store's faces and videos, ready for JSON.

    ``"groups"`` holds a row for every (dataset, domain, compression, split) with its numbers of
    faces, videos that gave faces, and people; ``"failures"`` counts failed videos by reason,
    ``"damaged"`` those that gave faces though something of them did not decode.
    """
    keys = ["dataset", "domain", "compression", "split"]
    groups = store.records.groupby(keys, sort=True).agg(
        faces=("frame", "size"), videos=("video", "nunique"), people=("person", "nunique")
    )
    failed = store.videos["status"] == "failed"
    reasons = store.videos.loc[failed, "reason"].value_counts()
    return {
        "store": str(store.path),
        "frames": store.parameters.frames,
        "margin": store.parameters.margin,
        "size": store.parameters.size,
        "faces": len(store),
        "videos": int((~failed).sum()),
        "failed": int(failed.sum()),
        "damaged": int((~failed & (store.videos["reason"] != "")).sum()),
        "groups": groups.reset_index().to_dict("records"),
        "failures": {str(reason): int(n) for reason, n in reasons.items()},
    }


def store_check(path: Path) -> list[str]:
    """List the problems of the store at ``path``, one sentence each; empty where it is sound.

    Sound: it is finished, its shards are there and agree with the records, every image decodes to
    the bytes that were written, no video has two faces of one frame, no person (shown or donor) is
    in two splits of a data set, and every forgery's genuine video is there.
    """
    try:
        store = Store(path)
    except DataError as error:
        return [str(error)]
    checks = (_shards, _images, _duplicates, _leaks, _orphans)
    return [problem for check in checks for problem in check(store)]


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
    broken = []
    for index, checksum in enumerate(store.records["crc32"]):
        try:
            encoded = store.encoded(index)
            if encoded is None or crc32(encoded) != checksum:
                raise DataError("other bytes than were written")
            store.image(index)
            store.mask(index)
        except DataError:
            broken.append(index)
    yield from _listed("faces are damaged", [_face(store, index) for index in broken])


def _duplicates(store: Store) -> Iterator[str]:
    twice = store.records.duplicated(["video", "frame"])
    names = [_face(store, int(index)) for index in twice.to_numpy().nonzero()[0]]
    yield from _listed("faces are there twice (same video and frame)", names)


def _leaks(store: Store) -> Iterator[str]:
    """Find people in two splits: such a test measures recognition, not detection."""
    records = store.records
    donors = records.loc[records["donor_person"] != "", ["dataset", "donor_person", "split"]]
    people = pd.concat(
        [
            records[["dataset", "person", "split"]],
            donors.set_axis(["dataset", "person", "split"], axis=1),
        ]
    ).drop_duplicates()
    splits = people.groupby(["dataset", "person"])["split"].agg(lambda s: ", ".join(sorted(s)))
    leaks = [
        f"{person} of {dataset} ({names})"
        for dataset, person, names in splits.reset_index().itertuples(index=False, name=None)
        if ", " in names
    ]
    yield from _listed("people are in more than one split", leaks)


def _orphans(store: Store) -> Iterator[str]:
    """Find forgeries that pairing has no genuine counterpart for."""
    keys = ["dataset", "compression", "source_video"]
    videos = store.records.drop_duplicates("video")
    genuine = set(videos.loc[videos["domain"] == REAL, keys].itertuples(index=False, name=None))
    forged = videos[videos["label"] == 1]
    alone = [
        str(video)
        for video, *key in forged[["video", *keys]].itertuples(index=False, name=None)
        if tuple(key) not in genuine
    ]
    yield from _listed("forgeries have no genuine counterpart in the store", alone)


def _listed(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{len(names)} {what}: {', '.join(names[:SHOWN])}{more}"


def _face(store: Store, index: int) -> str:
    face = store.records.iloc[index]
    return f"{index} ({face['video']}, frame {face['frame']})"
