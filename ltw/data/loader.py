"""From rows of a store to tensors: the batches of an epoch, read ahead of the step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ltw.errors import LTWError
from ltw.types import Batch

if TYPE_CHECKING:
    from ltw.data.pairing import BatchRows, Rows
    from ltw.data.store import Store


def to_tensor(images: NDArray[np.uint8], size: int) -> Tensor:
    """Return uint8 (K, S, S, 3) as float32 (K, 3, size, size) in [0, 1], channels last."""
    if images.shape[1] != size:
        smooth = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_CUBIC  # as faces.crop
        images = np.stack([cv2.resize(i, (size, size), interpolation=smooth) for i in images])
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)


class _Batches(Dataset["Batch | LTWError"]):
    """One item a step: its faces, decoded."""

    def __init__(self, store: Store, plan: Sequence[BatchRows], image_size: int) -> None:
        self.store = store
        self.plan = plan
        self.image_size = image_size
        self.labels = store.records["label"].to_numpy(np.float32)
        self.domains = store.records["domain"].tolist()

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, step: int) -> Batch | LTWError:
        try:
            return self._batch(step)
        except LTWError as error:  # raised in a worker, it would arrive with a traceback as text
            return error

    def _batch(self, step: int) -> Batch:
        rows = self.plan[step]
        images, labels, domains = self._read(rows.faces)
        batch = Batch(images=images, labels=labels, domains=domains, indices=rows.faces.tolist())
        if rows.counterparts is not None:
            images, labels, domains = self._read(rows.counterparts)
            batch.counterpart_images, batch.counterpart_labels = images, labels
            batch.counterpart_domains = domains
        return batch

    def _read(self, rows: Rows) -> tuple[Tensor, Tensor, list[str]]:
        images = to_tensor(self.store.images(rows), self.image_size)
        return images, torch.from_numpy(self.labels[rows]), [self.domains[row] for row in rows]


def load_batches(
    store: Store, plan: Sequence[BatchRows], *, image_size: int, workers: int
) -> Iterator[Batch]:
    """Yield the batches of ``plan`` in order, read by ``workers`` processes ahead of the caller.

    Raises:
        DataError: a face does not decode.
    """
    dataset = _Batches(store, plan, image_size)
    # a generator of its own: drawing a seed from PyTorch's would change a resumed run's dropout
    own = torch.Generator()
    for item in DataLoader(dataset, batch_size=None, num_workers=workers, generator=own):
        if isinstance(item, LTWError):
            raise item
        yield item
