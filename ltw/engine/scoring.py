"""Scoring: rows of faces in batches through a function, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ltw.data.loader import to_tensor

BATCH = 64

Values = NDArray[np.float64]


class Crops(Protocol):
    """What is asked of a store: the crops of its rows as uint8 (K, S, S, 3)."""

    def images(self, indices: Sequence[int]) -> NDArray[np.uint8]: ...  # noqa: D102


def score_batches(
    function: Callable[[Tensor], Tensor],
    faces: Crops,
    rows: Sequence[int] | NDArray[np.int64],
    *,
    image_size: int,
    batch_size: int = BATCH,
) -> Iterator[tuple[list[int], Values]]:
    """Yield the rows of each batch and what ``function`` says of their faces, float64 (K,).

    Args:
        function: images float32 (K, 3, ``image_size``, ``image_size``), RGB in [0, 1], on the CPU
            -> (K,) on any device; called without gradients.
        faces: a store.
        rows: of the store.
        image_size: side of the images in pixels.
        batch_size: K.

    Raises:
        DataError: a crop does not decode.
    """
    every = np.asarray(rows, np.int64).tolist()
    for start in range(0, len(every), batch_size):
        batch = every[start : start + batch_size]
        with torch.no_grad():
            values = function(to_tensor(faces.images(batch), image_size))
        yield batch, values.double().cpu().numpy()


def score(
    function: Callable[[Tensor], Tensor],
    faces: Crops,
    rows: Sequence[int] | NDArray[np.int64],
    *,
    image_size: int,
    batch_size: int = BATCH,
) -> Values:
    """Return what `score_batches` yields, all rows in one array (N,)."""
    batches = score_batches(function, faces, rows, image_size=image_size, batch_size=batch_size)
    return np.concatenate([np.empty(0), *(values for _, values in batches)])
