"""Which faces of a store a run may see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltw.data.pairing import Rows
from ltw.errors import DataError, did_you_mean
from ltw.types import REAL


def source_faces(
    records: pd.DataFrame, sources: list[str], compression: str | None, split: str
) -> Rows:
    """Return the rows of a split that belong to ``sources``: their fakes, and the reals beside them.

    Reals come only from data sets that hold a source's fakes, so that a store may hold targets too.

    Raises:
        DataError: a domain or compression is not in the store, or the split lacks reals or fakes.
    """
    domains = sorted(set(records["domain"]) - {REAL})
    for source in sources:
        if source not in domains:
            raise DataError(f"source {source!r} is not in the store{did_you_mean(source, domains)}")
    if compression is not None:
        known = sorted(set(records["compression"]))
        if compression not in known:
            raise DataError(
                f"compression {compression!r} is not in the store{did_you_mean(compression, known)}"
            )
        records = records[records["compression"] == compression]
    fakes = records[records["domain"].isin(sources) & (records["split"] == split)]
    reals = records[
        (records["domain"] == REAL)
        & (records["split"] == split)
        & records["dataset"].isin(fakes["dataset"].unique())
    ]
    for source in sources:
        if source not in set(fakes["domain"]):
            raise DataError(
                f"source {source!r} has no face in split {split!r}; splits in the store: "
                f"{', '.join(sorted(set(records['split'])))}. Extract more videos"
            )
    if reals.empty:
        raise DataError(f"no real face in split {split!r} beside {', '.join(sources)}")
    return np.sort(np.concatenate([fakes.index, reals.index])).astype(np.int64)
