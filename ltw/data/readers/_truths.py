"""What a synthetic corpus knows of its frames: the file truths.csv beside its videos."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd

from ltw.errors import DataError
from ltw.types import TRUTHS, FrameTruth

BOX = ("x0", "y0", "x1", "y1")
COLUMNS = ("domain", "video", "frame", "quality", "failure", *BOX)


def read_truths(root: Path) -> dict[tuple[str, str], tuple[FrameTruth, ...]]:
    """Return the truths of every video by its domain and bare name; none where there is no file.

    Raises:
        DataError: the file is damaged: other columns, a frame that is missing or told twice, a
            quality outside [0, 1], half a box.
    """
    path = root / TRUTHS
    if not path.is_file():
        return {}
    kinds: dict[str, type] = dict.fromkeys(("quality", *BOX), float)
    kinds |= {"frame": int, "domain": str, "video": str, "failure": str}
    blank = {name: [""] for name in ("quality", *BOX)}
    try:
        table = pd.read_csv(
            path, dtype=kinds, keep_default_na=False, na_values=blank, usecols=list(COLUMNS)
        )
    except ValueError as error:  # pandas's own, also for a line that is cut short
        raise DataError(
            f"{path}: damaged ({error}); expected columns {', '.join(COLUMNS)}"
        ) from None
    wrong = table[(table["quality"] < 0) | (table["quality"] > 1)]
    if len(wrong):
        raise DataError(f"{path}: quality {wrong['quality'].iloc[0]:g} is not in [0, 1]")
    truths = {}
    for (domain, video), rows in table.sort_values("frame").groupby(["domain", "video"]):
        if rows["frame"].tolist() != list(range(len(rows))):
            raise DataError(f"{path}: {domain}/{video}: frames are missing or told twice")
        told = rows[["quality", "failure", *BOX]].itertuples(index=False)
        truths[str(domain), str(video)] = tuple(_truth(path, *row) for row in told)
    return truths


def _truth(path: Path, quality: float, failure: str, *box: Any) -> FrameTruth:
    blank = [isnan(side) for side in box]
    if any(blank) and not all(blank):
        raise DataError(f"{path}: a box with blanks; give all of {', '.join(BOX)}, or none")
    x0, y0, x1, y1 = (float(side) for side in box)
    return FrameTruth(float(quality), failure, None if all(blank) else (x0, y0, x1, y1))
