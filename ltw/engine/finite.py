"""Finite values: a step with NaN or infinity in it stops the run, and its faces are written down.

A poisoned weight never heals: without the check a run would be saved with it and could not go on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ltw.errors import LTWError
from ltw.files import write_text
from ltw.tensors import not_finite

_LOOK = "look at these faces, or lower the learning rate"


class FiniteGuard:
    """Stops a run whose values are not finite.

    Args:
        records: of the store.
        listed_in: JSON file that the faces of such a batch are written to.
    """

    def __init__(self, records: pd.DataFrame, listed_in: Path) -> None:
        self.records = records
        self.listed_in = listed_in

    def require(self, values: Mapping[str, Tensor], what: str, rows: Sequence[int]) -> None:
        """Stop where a tensor of ``values`` holds NaN or infinity.

        Args:
            values: by name.
            what: stands before the name in the message.
            rows: of the store, the batch's.

        Raises:
            LTWError: naming the tensor and the rows, which are written down.
        """
        if bad := not_finite(values):
            listed = ", ".join(map(str, rows))
            raise self.stop(
                f"{what} {bad[0]} is not finite on the batch {listed} (rows of the store); {_LOOK}",
                rows,
            )

    def stop(self, message: str, rows: Sequence[int]) -> LTWError:
        """Write the faces of a batch down; return the error with ``message`` and where they are."""
        faces = self.records.loc[list(rows), ["video", "frame", "domain", "label"]]
        values = {"reason": message, "faces": faces.reset_index(names="index").to_dict("records")}
        write_text(self.listed_in, json.dumps(values, indent=1) + "\n")
        return LTWError(f"{message}; the batch is listed in {self.listed_in}")

    def require_scores(self, logits: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        """Stop where a validation face's logit is not finite; ``rows`` (N,) are the faces'.

        Raises:
            LTWError: naming the first such face.
        """
        if (bad := ~np.isfinite(logits)).any():
            row = int(rows[int(np.argmax(bad))])
            face = self.records.loc[row]
            where = f"video {face['video']}, frame {face['frame']}"
            raise self.stop(
                f"the logit of validation face {row} ({where}) is not finite; {_LOOK}",
                [int(r) for r in rows[bad]],
            )
