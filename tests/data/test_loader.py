import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from ltw.data.loader import load_batches, to_tensor
from ltw.data.pairing import BatchRows
from ltw.data.store import Store
from ltw.errors import DataError


class GreyStore:
    """Face i is a plain grey of level i; face 13 is damaged."""

    def __init__(self, faces: int = 20, size: int = 16) -> None:
        self.size = size
        domains = ["real" if i % 2 == 0 else f"forgery{i % 3}" for i in range(faces)]
        self.records = pd.DataFrame({"label": [i % 2 for i in range(faces)], "domain": domains})

    def images(self, indices):
        if 13 in indices:
            raise DataError("face 13 does not decode")
        grey = np.asarray(indices, np.uint8)[:, None, None, None]
        return np.broadcast_to(grey, (len(indices), self.size, self.size, 3)).copy()


PLAN = [
    BatchRows(np.array([4, 1, 19]), np.array([5, 0, 2])),
    BatchRows(np.array([0, 0, 3]), np.array([7, 9, 6])),
    BatchRows(np.array([8, 17])),
]


def levels(images: torch.Tensor) -> list[int]:
    """The faces that plain grey images are of."""
    assert images.amin((1, 2, 3)).equal(images.amax((1, 2, 3)))
    return (images[:, 0, 0, 0] * 255).round().int().tolist()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_come_in_the_plans_order_each_face_with_its_record(workers):
    store = GreyStore()
    batches = list(load_batches(store, PLAN, image_size=8, workers=workers))
    assert len(batches) == len(PLAN)
    for batch, rows in zip(batches, PLAN, strict=True):
        assert batch.images.shape == (len(rows.faces), 3, 8, 8)
        assert batch.images.dtype == batch.labels.dtype == torch.float32
        assert levels(batch.images) == batch.indices == rows.faces.tolist()
        assert batch.labels.tolist() == [i % 2 for i in rows.faces]
        assert batch.domains == store.records["domain"][rows.faces].tolist()
        if rows.counterparts is None:
            assert batch.counterpart_images is None
            assert batch.counterpart_labels is None
        else:
            assert levels(batch.counterpart_images) == rows.counterparts.tolist()
            assert batch.counterpart_labels.tolist() == [i % 2 for i in rows.counterparts]
            assert batch.counterpart_domains == store.records["domain"][rows.counterparts].tolist()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_store_on_disk_is_read_by_workers_too(store_path, workers):
    store = Store(store_path)
    store.image(0)  # a memory map is open when the workers start
    rows = np.array([5, 0, len(store) - 1])
    (batch,) = load_batches(store, [BatchRows(rows)], image_size=16, workers=workers)
    assert torch.equal(batch.images, to_tensor(store.images(rows), 16))
    assert batch.labels.tolist() == store.records["label"][rows].tolist()
    assert batch.domains == store.records["domain"][rows].tolist()


@pytest.mark.parametrize("workers", [0, 1])
def test_reading_draws_nothing_from_the_random_state_of_training(workers):
    """A resumed run starts reading in the middle of an epoch; its dropout must not notice."""
    before = torch.get_rng_state()
    list(load_batches(GreyStore(), PLAN, image_size=16, workers=workers))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_face_is_one_clear_message_after_the_batches_before_it(workers):
    batches = load_batches(
        GreyStore(), [*PLAN, BatchRows(np.array([13]))], image_size=16, workers=workers
    )
    for _ in PLAN:
        next(batches)
    with pytest.raises(DataError) as caught:
        next(batches)
    assert str(caught.value) == "face 13 does not decode"


def test_to_tensor_keeps_the_values_and_puts_colours_first():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    tensor = to_tensor(images, 8)
    assert tensor.shape == (2, 3, 8, 8)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(
        tensor.numpy(), images.transpose(0, 3, 1, 2).astype(np.float32) / 255
    )


def test_to_tensor_shrinks_by_averaging():
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    means = images.reshape(2, 4, 3, 4, 3, 3).mean((2, 4)).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(to_tensor(images, 4).numpy(), means, atol=0.51 / 255)


def test_to_tensor_enlarges_smoothly():
    ramp = np.repeat(np.arange(0, 160, 10, dtype=np.uint8)[None, None, :, None], 16, axis=1)
    large = to_tensor(np.repeat(ramp, 3, axis=3), 64)[0, 0, 32].numpy() * 255
    assert large.shape == (64,)
    assert np.abs(np.diff(large)).max() <= 5  # 2.5 a pixel; blocks would jump by 10
    expected = cv2.resize(ramp[0], (64, 64), interpolation=cv2.INTER_CUBIC)[32]
    np.testing.assert_allclose(large, expected, atol=0.01)
