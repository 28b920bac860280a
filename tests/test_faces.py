import cv2
import numpy as np
import pytest

from ltw import faces
from ltw.faces import Detection, crop, crop_box, detect_faces, follow_person, iou, locate_faces
from ltw.synth.identity import sample_person
from ltw.synth.people import film


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


@pytest.fixture
def scenes(monkeypatch):
    """Pictures of detections: made by `scene`, found by a stand-in for MTCNN that counts pixels."""
    searched: list[int] = []

    def detect(image: np.ndarray, min_size: float) -> list[Detection]:
        """Every number in the picture is a face; odd ones are seen only in a whole picture."""
        searched.append(image.shape[0] * image.shape[1])
        found = []
        for number in np.unique(image[image > 0]):
            y, x = np.nonzero(image[..., 0] == number)
            box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
            if number % 2 == 0 or image.shape[:2] == SCENE[:2]:
                found.append(Detection(box, np.zeros((5, 2), np.float32), 1.0))
        return sorted(found, key=lambda d: -d.area)

    monkeypatch.setattr(faces, "detect_faces", detect)
    return searched


SCENE = (480, 640, 3)


def scene(*squares: tuple[int, int, int], first: int = 2) -> np.ndarray:
    """Squares (x, y, side), numbered ``first``, ``first + 2``, ..."""
    image = np.zeros(SCENE, np.uint8)
    for k, (x, y, side) in enumerate(squares):
        image[y : y + side, x : x + side] = first + 2 * k
    return image


def places(pictures: list[np.ndarray]) -> list[tuple[float, ...] | None]:
    return [found and found.box[:2] for found in follow_person(pictures)]


@pytest.mark.usefixtures("scenes")
def test_following_begins_with_the_largest_face_of_the_first_frame_with_any():
    assert places([scene(), scene((0, 0, 40), (200, 200, 80)), scene()]) == [None, (200, 200), None]


@pytest.mark.usefixtures("scenes")
def test_following_takes_the_greatest_overlap_not_the_largest_face():
    pictures = [
        scene((100, 100, 60)),
        scene((170, 100, 160), (110, 100, 60)),  # a larger face that comes near
        scene((120, 100, 60), (400, 200, 200)),  # and one far away
    ]
    assert places(pictures) == [(100, 100), (110, 100), (120, 100)]


@pytest.mark.usefixtures("scenes")
def test_a_face_elsewhere_is_nobody_and_the_person_is_found_again():
    pictures = [scene((0, 0, 50)), scene((300, 300, 50)), scene((305, 300, 50), (5, 0, 50))]
    assert places(pictures) == [(0, 0), None, (5, 0)]


def test_only_the_neighbourhood_of_the_last_box_is_searched_while_the_person_is_there(scenes):
    assert places([scene((200 + 9 * k, 200, 60)) for k in range(4)])[3] == (227, 200)
    assert scenes == [640 * 480, 180 * 180, 180 * 180, 180 * 180]


def test_the_whole_picture_is_searched_before_a_face_is_given_up(scenes):
    seen_only_in_whole = scene((205, 200, 60), first=3)
    assert places([scene((200, 200, 60)), seen_only_in_whole]) == [(200, 200), (205, 200)]
    assert places([scene((200, 200, 60)), scene()]) == [(200, 200), None]
    assert scenes.count(640 * 480) == 4


def test_a_first_frame_is_searched_for_small_faces_before_it_is_given_up(monkeypatch):
    sizes = []

    def detect(image: np.ndarray, min_size: float) -> list[Detection]:
        sizes.append(min_size)
        box = (10.0, 10.0, 45.0, 45.0)
        return [Detection(box, np.zeros((5, 2), np.float32), 1.0)] if min_size < 35 else []

    monkeypatch.setattr(faces, "detect_faces", detect)
    assert places([scene()]) == [(10, 10)]
    assert sizes == pytest.approx([120, 60, 30], rel=1e-3)


@pytest.mark.usefixtures("scenes")
def test_a_face_that_the_neighbourhood_cuts_is_measured_whole():
    first, second = follow_person([scene((200, 200, 60)), scene((230, 230, 150))])
    assert first is not None
    assert second is not None
    assert second.box == (230, 230, 380, 380)


@pytest.mark.usefixtures("scenes")
def test_a_video_whose_pictures_shrink_is_followed_all_the_same():
    assert places([scene((500, 400, 60)), scene((10, 10, 60))[:200, :300]]) == [(500, 400), None]


def test_mtcnn_measures_a_followed_face_as_it_does_in_the_whole_picture():
    rng = np.random.default_rng(5)
    pictures = []
    for k, frame in enumerate(film(sample_person(rng), frames=8, size=400, rng=rng).frames):
        picture = np.full((720, 1280, 3), 90, np.uint8)
        picture[200:600, 300 + 20 * k : 700 + 20 * k] = frame
        pictures.append(picture)
    whole = [locate_faces(picture)[0].box for picture in pictures]
    followed = [found.box for found in follow_person(pictures) if found]
    overlaps = [iou(a, b) for a, b in zip(whole, followed, strict=True)]
    sides = [(b[2] - b[0]) / (a[2] - a[0]) for a, b in zip(whole, followed, strict=True)]
    assert min(overlaps) > 0.8
    assert np.mean(overlaps) > 0.9
    assert np.mean(sides) == pytest.approx(1, abs=0.03)


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
