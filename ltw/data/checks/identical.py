"""Duplicates: the same picture in several videos of a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ltw.data.store import Store
from ltw.errors import DataError


def identical_faces(store: Store) -> Iterator[list[int]]:
    """Yield sets of faces whose encoded images are the same bytes, of two videos or more.

    Each is a sorted list of indices. Checksums choose whom to compare, the bytes themselves decide:
    32 bits agree by chance in a store of a hundred thousand. Images that cannot be read are
    left out.
    """
    table = store.records[["crc32", "video"]].reset_index(drop=True)
    table = table[table.duplicated("crc32", keep=False)]
    for _, alike in table.groupby("crc32", sort=False):
        if alike["video"].nunique() < 2:
            continue
        by_bytes: dict[bytes, list[int]] = defaultdict(list)
        for index in alike.index:
            try:
                encoded = store.encoded(int(index))
            except DataError:
                continue
            if encoded is not None:
                by_bytes[encoded.to_pybytes()].append(int(index))
        for faces in by_bytes.values():
            if alike["video"][faces].nunique() > 1:
                yield faces
