"""Training, validation and test sets: the faces of a store that a run may see, by split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltw.data.pairing import Rows
from ltw.errors import DataError, did_you_mean
from ltw.types import ONE_LEVEL, REAL

SETTING = ["dataset", "compression"]
"""Reals are told from fakes of the same setting, so that only the forgery tells them apart."""


def source_faces(
    records: pd.DataFrame, sources: list[str], compression: str | None, split: str
) -> Rows:
    """Return the rows of a split that belong to ``sources``: their fakes and the reals beside them.

    Reals come only from data sets and at compressions that hold a source's fakes: a store may hold
    targets too, and nothing but the forgery may tell the label.
    Raises:
        DataError: a domain or compression is not in the store, or the split lacks one of the
            sources or reals.
    """
    _require(sources, "source", _forgeries(records))
    records = _of_compression(records, compression)
    return _with_reals(records, _fakes(records, sources, "source", split), split)


def ordered_by_name(records: pd.DataFrame, rows: Rows) -> Rows:
    """Return rows in the order of their videos' names and frames, whenever each was extracted.

    So a run does not depend on which videos failed at first and came in later.
    """
    places = records.loc[rows, ["video", "frame"]]
    if places["video"].is_monotonic_increasing:  # all extracted in one go
        return rows
    return places.sort_values(["video", "frame"], kind="stable").index.to_numpy(np.int64)


def evaluation_faces(records: pd.DataFrame, domains: list[str], compression: str | None) -> Rows:
    """Return the test rows of ``domains`` (all forgeries where empty) and the reals beside them.

    Raises:
        DataError: a domain or compression is not in the store, or one of the domains, or reals,
            have no test face.
    """
    _require(domains, "domain", _forgeries(records))
    records = _of_compression(records, compression)
    wanted = domains or _forgeries(records[records["split"] == "test"])
    if not wanted:
        raise DataError("no fake of any forgery in the split 'test'")
    return _with_reals(records, _fakes(records, wanted, "domain", "test"), "test")


def _fakes(records: pd.DataFrame, domains: list[str], what: str, split: str) -> pd.DataFrame:
    fakes = records[records["domain"].isin(domains) & (records["split"] == split)]
    for domain in domains:
        if not (fakes["domain"] == domain).any():
            raise DataError(
                f"{what} {domain!r} has no face in split {split!r}; splits in the store: "
                f"{', '.join(sorted(set(records['split'])))}. Extract more videos"
            )
    return fakes


def _with_reals(records: pd.DataFrame, fakes: pd.DataFrame, split: str) -> Rows:
    setting = pd.MultiIndex.from_frame(records[SETTING])
    reals = records[
        (records["domain"] == REAL)
        & (records["split"] == split)
        & setting.isin(pd.MultiIndex.from_frame(fakes[SETTING]))
    ]
    if reals.empty:
        raise DataError(
            f"no real face in split {split!r} of {', '.join(sorted(set(fakes['dataset'])))}: "
            "fakes alone cannot be told from anything; extract the reals too"
        )
    return np.sort(np.concatenate([fakes.index, reals.index])).astype(np.int64)


def _forgeries(records: pd.DataFrame) -> list[str]:
    return sorted(set(records.loc[records["label"] == 1, "domain"]))


def _of_compression(records: pd.DataFrame, compression: str | None) -> pd.DataFrame:
    """Keep one level of the data sets that have levels, and those that come in one all the same."""
    if compression is None:
        return records
    levels = sorted(set(records["compression"]) - {ONE_LEVEL})
    if levels:
        _require([compression], "compression", levels)
    return records[records["compression"].isin([compression, ONE_LEVEL])]


def _require(names: list[str], what: str, known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise DataError(f"{what} {name!r} is not in the store{did_you_mean(name, known)}")
