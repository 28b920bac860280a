"""Masks that contradict the faces they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ltw.data.store import Store
from ltw.errors import DataError
from ltw.faces import ALTERED


def contradicting_masks(store: Store) -> Iterator[tuple[str, list[str]]]:
    """Yield (what is wrong, videos) of videos whose masks say something else than their label.

    A forgery whose mask is empty in every face shows somebody who was not altered; a genuine video
    with a mask that is not empty is forged in part, or wrongly labelled. Masks that do not decode
    are not judged here.
    """
    records = store.records
    forged: defaultdict[str, bool] = defaultdict(bool)
    labels: dict[str, int] = {}
    for index in records["has_mask"].to_numpy().nonzero()[0].tolist():
        try:
            mask = store.mask(index)
        except DataError:
            continue
        if mask is not None:
            face = records.iloc[index]
            labels[face["video"]] = int(face["label"])
            forged[face["video"]] |= bool((mask > ALTERED).any())
    yield (
        "forgeries whose masks are empty in every face: the wrong person was followed",
        sorted(v for v, any_forged in forged.items() if labels[v] == 1 and not any_forged),
    )
    yield (
        "genuine videos with a mask that shows a forgery",
        sorted(v for v, any_forged in forged.items() if labels[v] == 0 and any_forged),
    )
