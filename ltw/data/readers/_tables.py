"""Tables that come with a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from ltw.errors import DataError


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file as text, without space around it; "" where a field is empty.

    Raises:
        DataError: the file is missing, is no table or lacks one of ``columns``.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; it comes with the data set: put it there")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error}); unpack it again") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)} among {', '.join(map(str, table.columns))}; "
            "unpack it again"
        )
    for values in zip(*(table[column].str.strip() for column in columns), strict=True):
        yield dict(zip(columns, values, strict=True))
