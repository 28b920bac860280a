"""Store statistics: faces, videos and people by data set, domain, compression and split."""

from __future__ import annotations

from typing import Any

from ltw.data.checks.leaks import people_of
from ltw.data.store import Store


def store_info(store: Store) -> dict[str, Any]:
    """Count a store's faces, videos and people, ready for JSON.

    ``"groups"`` holds a row for every (dataset, domain, compression, split) with its numbers of
    faces, videos that gave faces, and people shown; ``"people"`` counts all people, donors too, a
    name once a data set; ``"failures"`` counts failed videos by reason, ``"damaged"`` those that
    gave faces though something of them did not decode.
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
        "people": len(people_of(store.records)),
        "failed": int(failed.sum()),
        "damaged": int((~failed & (store.videos["reason"] != "")).sum()),
        "groups": groups.reset_index().to_dict("records"),
        "failures": {str(reason): int(n) for reason, n in reasons.items()},
    }
