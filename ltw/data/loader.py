"""Data loader: from rows of a store to the batches of a run, read ahead of the step."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ltw.data.resize import resize_crops
from ltw.errors import LTWError
from ltw.parallel import tie_to_parent
from ltw.types import Batch

if TYPE_CHECKING:
    from ltw.data.pairing import BatchRows, Rows
    from ltw.data.store import Store


def to_tensor(images: NDArray[np.uint8], size: int) -> Tensor:
    """Return uint8 (K, S, S, 3) as float32 (K, 3, size, size) in [0, 1], channels last."""
    return torch.from_numpy(resize_crops(images, size)).permute(0, 3, 1, 2).float().div_(255)


def mask_to_tensor(mask: NDArray[np.uint8], size: int) -> Tensor:
    """Return uint8 (S, S), 255 where forged, as float32 (size, size) of 0 and 1.

    A pixel is forged where at least half of it is.
    """
    if mask.shape[0] != size:
        smooth = cv2.INTER_AREA if size < mask.shape[0] else cv2.INTER_LINEAR
        mask = cv2.resize(mask, (size, size), interpolation=smooth).astype(np.uint8, copy=False)
    return torch.from_numpy(mask >= 128).float()


class _Batches(Dataset["Batch | LTWError"]):
    """Data set of batches: from the rows of a step to its faces, decoded."""

    def __init__(self, store: Store, image_size: int, masks: bool) -> None:
        self.store = store
        self.image_size = image_size
        self.masks = masks
        self.labels = store.records["label"].to_numpy(np.float32)
        self.domains = store.records["domain"].tolist()

    def __getitem__(self, rows: BatchRows) -> Batch | LTWError:
        try:
            return self._batch(rows)
        except LTWError as error:  # raised in a worker, it would arrive with a traceback as text
            return error

    def _batch(self, rows: BatchRows) -> Batch:
        images, labels, domains = self._read(rows.faces)
        batch = Batch(images=images, labels=labels, domains=domains, indices=rows.faces.tolist())
        if rows.counterparts is not None:
            images, labels, domains = self._read(rows.counterparts)
            batch.counterpart_images, batch.counterpart_labels = images, labels
            batch.counterpart_domains = domains
        if rows.weight_counterparts is not None:
            batch.weight_counterparts = self._read(rows.weight_counterparts)[:2]
        if self.masks:
            batch.masks, batch.has_mask = self._read_masks(rows.faces)
        return batch

    def _read(self, rows: Rows) -> tuple[Tensor, Tensor, list[str]]:
        images = to_tensor(self.store.images(rows), self.image_size)
        return images, torch.from_numpy(self.labels[rows]), [self.domains[row] for row in rows]

    def _read_masks(self, rows: Rows) -> tuple[Tensor, Tensor]:
        masks = torch.zeros(len(rows), self.image_size, self.image_size)
        known = torch.from_numpy(self.labels[rows] == 0)
        for k, row in enumerate(rows.tolist()):
            if not known[k] and (mask := self.store.mask(row)) is not None:
                masks[k] = mask_to_tensor(mask, self.image_size)
                known[k] = True
        return masks, known


def load_batches(
    store: Store,
    plan: Iterable[BatchRows],
    *,
    image_size: int,
    workers: int,
    masks: bool = False,
) -> Generator[Batch, None, None]:
    """Yield the batches of ``plan`` in order, read by ``workers`` processes ahead of the caller.

    ``plan`` is drawn from as reading goes on; better one of a whole run than one an epoch, as the
    processes take up to seconds to start. With ``masks``, batches hold the manipulation masks of
    their faces too (not of counterparts).

    Raises:
        DataError: a face or its mask does not decode.
    """
    dataset = _Batches(store, image_size, masks)
    # a generator of its own: drawing a seed from PyTorch's would change a resumed run's dropout
    own = torch.Generator()
    loader = DataLoader(
        dataset,
        sampler=plan,
        batch_size=None,
        num_workers=workers,
        generator=own,
        worker_init_fn=_begin_reading,
    )
    for item in loader:
        if isinstance(item, LTWError):
            raise item
        yield item


def _begin_reading(worker: int) -> None:
    """Begin the life of process ``worker``: it ends with its parent, who decides on Ctrl-C.

    Then what it was handing over breaks off, which multiprocessing would print as a traceback.
    """
    tie_to_parent()
    sys.excepthook = _quiet_if_broken_off


def _quiet_if_broken_off(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, (EOFError, ConnectionError)):
        sys.__excepthook__(kind, error, trace)


@contextmanager
def reader_deaths_told() -> Iterator[None]:
    """Turn PyTorch's error for a killed process of `load_batches` into one message.

    PyTorch raises it wherever the caller is at that moment, so the block is all of its work.

    Raises:
        LTWError: a process died.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        reason = str(error).partition("\n")[0].strip().rstrip(".")
        raise LTWError(
            f"a process that reads faces died ({reason}); where memory is short, lower "
            "training.workers or training.batch_size; --resume goes on from the last checkpoint"
        ) from None
