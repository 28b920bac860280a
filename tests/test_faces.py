import cv2
import numpy as np
import pytest

from ltw import faces
from ltw.faces import Detection, crop, crop_box, detect_faces, follow_person, iou, locate_faces
from ltw.synth.identity import sample_person
from ltw.synth.people import film


def at(x: float, y: float, side: float = 10) -> Detection:
    return Detection((x, y, x + side, y + side), np.zeros((5, 2), np.float32), 1.0)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    rng = np.random.default_rng(3)
    return film(sample_person(rng), frames=1, size=320, rng=rng).frames[0]


def test_iou_by_hand():
    assert iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert iou((0, 0, 2, 2), (2, 0, 4, 2)) == 0
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1


def test_crop_box_is_square_and_leaves_the_margin_in_crop_pixels():
    x0, y0, x1, y1 = crop_box((100, 100, 204, 308), margin=16, size=224)
    assert x1 - x0 == pytest.approx(224)  # 208 of face and 16 of margin
    assert y1 - y0 == pytest.approx(224)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((152, 204))


def test_crop_beyond_the_border_reflects_the_picture():
    image = np.arange(20 * 20 * 3, dtype=np.uint8).reshape(20, 20, 3)
    cut = crop(image, (-4, 0, 8, 12), size=12)
    np.testing.assert_array_equal(cut[:, 4:], image[:12, :8])
    np.testing.assert_array_equal(cut[:, :4], image[:12, 4:0:-1])
    assert crop(image[..., 0], (0, 0, 50, 50), size=8).shape == (8, 8)


def test_following_begins_with_the_largest_face_of_the_first_frame_with_any():
    large = at(50, 50, 20)
    first, second, third = follow_person([[], [at(0, 0), large], []])
    assert (first, third) == (None, None)
    assert second is large


def test_following_takes_the_greatest_overlap_not_the_largest_face():
    frames = [[at(0, 0, 12)], [at(3, 3, 40), at(2, 0, 12)], [at(4, 0, 12), at(80, 80, 60)]]
    assert [d.box[:2] for d in follow_person(frames) if d] == [(0, 0), (2, 0), (4, 0)]


def test_a_face_elsewhere_is_nobody_and_the_person_is_found_again():
    frames = [[at(0, 0)], [at(60, 60)], [at(61, 60), at(1, 0)]]
    chosen = follow_person(frames)
    assert chosen[1] is None
    assert chosen[2] is not None
    assert chosen[2].box == (1, 0, 11, 10)


def test_large_pictures_are_searched_small_and_boxes_mapped_back(monkeypatch):
    searched = []

    def fake(image: np.ndarray, min_size: float) -> list[Detection]:
        searched.append(image.shape)
        y, x = np.nonzero(image[..., 0] > 128)
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        return [Detection(box, np.full((5, 2), [box[0], box[1]], np.float32), 1.0)]

    monkeypatch.setattr(faces, "detect_faces", fake)
    image = np.zeros((1920, 2880, 3), np.uint8)
    image[600:900, 1200:1500] = 255
    (found,) = locate_faces(image)
    assert searched == [(640, 960, 3)]
    assert found.box == pytest.approx((1200, 600, 1500, 900), abs=3)
    assert found.landmarks[0] == pytest.approx((1200, 600), abs=3)


def test_mtcnn_finds_the_same_face_in_a_picture_five_times_as_large(portrait):
    (small,) = locate_faces(portrait)
    (large,) = locate_faces(cv2.resize(portrait, None, fx=5, fy=5))
    assert iou(small.box, tuple(v / 5 for v in large.box)) > 0.9
    assert small.confidence > 0.9
    left, right, nose, *_ = small.landmarks
    assert left[0] < nose[0] < right[0]


def test_nothing_is_found_in_nothing():
    assert detect_faces(np.zeros((1, 1, 3), np.uint8)) == []
    assert locate_faces(np.zeros((200, 300, 3), np.uint8)) == []
    assert follow_person([]) == []
