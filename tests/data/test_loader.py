import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from ltw.data.loader import load_batches, mask_to_tensor, to_tensor
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

    def mask(self, index):
        """Fakes below 10 are forged in their upper left quarter; of the others nobody knows."""
        if self.records["label"][index] == 0:
            raise AssertionError("a genuine face's mask need not be read")
        if index >= 10:
            return None
        mask = np.zeros((self.size, self.size), np.uint8)
        mask[: self.size // 2, : self.size // 2] = 255
        return mask


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
def test_masks_come_where_asked_for_and_known(workers):
    plan = [BatchRows(np.array([0, 3, 17])), BatchRows(np.array([19, 4]))]
    first, second = load_batches(GreyStore(), plan, image_size=8, workers=workers, masks=True)
    quarter = torch.zeros(8, 8)
    quarter[:4, :4] = 1
    none = torch.zeros(8, 8)
    assert first.masks.dtype == torch.float32
    assert first.masks.equal(torch.stack([none, quarter, none]))
    assert first.has_mask.tolist() == [True, True, False]
    assert second.masks.equal(torch.stack([none, none]))
    assert second.has_mask.tolist() == [False, True]
    for batch in load_batches(GreyStore(), plan, image_size=8, workers=workers):
        assert batch.masks is None
        assert batch.has_mask is None


def test_a_damaged_mask_is_one_clear_message(monkeypatch):
    def damaged(self, index):
        raise DataError("this face's mask does not decode")

    monkeypatch.setattr(GreyStore, "mask", damaged)
    with pytest.raises(DataError, match="mask does not decode"):
        next(load_batches(GreyStore(), PLAN, image_size=16, workers=0, masks=True))


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


def test_a_masks_pixel_is_forged_where_half_of_it_is():
    mask = 255 * np.random.default_rng(0).integers(0, 2, (12, 12), dtype=np.uint8)
    half = mask.reshape(4, 3, 4, 3).mean((1, 3)) >= 128
    assert np.array_equal(mask_to_tensor(mask, 4), half.astype(np.float32))
    assert np.array_equal(mask_to_tensor(mask, 12), mask / 255)


@pytest.mark.parametrize("size", [6, 24, 30])
def test_a_mask_lies_where_its_image_does(size):
    """Resize a mask as a mask and as an image: both halves of the work must cut the same shape."""
    y, x = np.mgrid[:12, :12]
    mask = np.where((x - 4) ** 2 + (y - 7) ** 2 < 10, 255, 0).astype(np.uint8)
    image = to_tensor(np.repeat(mask[None, :, :, None], 3, axis=3), size)[0, 0]
    found = mask_to_tensor(mask, size)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert (found - (image > 0.5).float()).abs().mean() < 0.03
