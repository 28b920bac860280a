from __future__ import annotations

import cv2
import numpy as np
import pytest

from ltw.errors import LTWError
from ltw.faces import Detection, crop, crop_box, detect_faces
from ltw.synth.footage import Footage
from ltw.synth.people import film, sample_person

Array = np.ndarray


def shoot(person: int, take: int, frames: int = 2, size: int = 320) -> Footage:
    return film(
        sample_person(np.random.default_rng([5, person])),
        frames=frames,
        size=size,
        rng=np.random.default_rng([6, person, take]),
    )


def look(footage: Footage, frame: int = 0) -> Array:
    """Colour of a person, free of the take's pose and exposure: a face aligned by its landmarks."""
    points = footage.landmarks[frame]
    place = np.float32([(20, 24), (44, 24), (32, 38), (23, 50), (41, 50)])
    warp, _ = cv2.estimateAffinePartial2D(points, place)
    face = cv2.warpAffine(footage.frames[frame], warp, (64, 64)).astype(np.float32)
    face = cv2.GaussianBlur(face, (0, 0), 2.5)[::4, ::4]
    return (face / face.mean()).ravel()


def find(footage: Footage, frame: int) -> Detection | None:
    """The detection that lies on the rendered face, if there is one."""
    truth = footage.landmarks[frame]
    between_eyes = np.linalg.norm(truth[1] - truth[0])
    for found in detect_faces(footage.frames[frame]):
        if np.linalg.norm(found.landmarks.mean(0) - truth.mean(0)) < 0.5 * between_eyes:
            return found
    return None


def error(found: Detection, truth: Array) -> Array:
    """Distances of the five landmarks over the distance between the eyes."""
    return np.linalg.norm(found.landmarks - truth, axis=1) / np.linalg.norm(truth[1] - truth[0])


def test_footage_has_the_promised_shape_and_kind() -> None:
    footage = shoot(0, 0, frames=3, size=160)
    assert footage.frames.shape == (3, 160, 160, 3)
    assert footage.frames.dtype == np.uint8
    assert footage.landmarks.shape == (3, 5, 2)
    assert footage.landmarks.dtype == np.float32


def test_the_same_generators_give_the_same_take() -> None:
    first, second = shoot(1, 0), shoot(1, 0)
    assert np.array_equal(first.frames, second.frames)
    assert np.array_equal(first.landmarks, second.landmarks)
    assert sample_person(np.random.default_rng(3)) == sample_person(np.random.default_rng(3))


def test_another_take_is_another_picture_of_the_same_person() -> None:
    assert not np.array_equal(shoot(1, 0).frames, shoot(1, 1).frames)


def test_landmarks_lie_inside_and_in_order() -> None:
    for person in range(8):
        footage = shoot(person, 0, frames=2, size=160)
        for left_eye, right_eye, nose, left_mouth, right_mouth in footage.landmarks:
            assert footage.landmarks.min() > 0.15 * 160
            assert footage.landmarks.max() < 0.85 * 160
            assert left_eye[0] < nose[0] < right_eye[0]
            assert left_mouth[0] < nose[0] < right_mouth[0]
            assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_a_person_resembles_herself_more_than_others() -> None:
    people = 7
    first = np.stack([look(shoot(k, 0, frames=1)) for k in range(people)])
    second = np.stack([look(shoot(k, 1, frames=1)) for k in range(people)])
    apart = np.linalg.norm(first[:, None] - second[None], axis=2)
    same = np.diag(apart)
    others = apart[~np.eye(people, dtype=bool)].reshape(people, people - 1)
    assert np.mean(same[:, None] < others) > 0.8
    assert np.median(same) < 0.75 * np.median(others)


def test_a_short_take_speaks_and_blinks() -> None:
    footage = shoot(2, 0, frames=8)
    aligned = []
    for frame, points in zip(footage.frames, footage.landmarks, strict=True):
        eyes = np.float32([points[0], points[1], (points[0] + points[1]) / 2 + [0, 1]])
        warp, _ = cv2.estimateAffinePartial2D(eyes[:2], np.float32([(40, 40), (88, 40)]))
        aligned.append(cv2.warpAffine(frame, warp, (128, 128)).astype(np.float32).mean(axis=2))
    change = np.std(np.stack(aligned), axis=0)
    eyes = np.concatenate([change[35:46, 32:48], change[35:46, 80:96]])
    mouth = change[85:105, 46:82]
    forehead = change[8:20, 50:78]
    assert np.percentile(eyes, 90) > 2 * np.median(forehead)
    assert np.percentile(mouth, 90) > 2 * np.median(forehead)


def test_the_head_moves_even_in_a_take_of_few_frames() -> None:
    nose = shoot(3, 0, frames=8).landmarks[:, 2]
    assert np.ptp(nose, axis=0).max() > 4


def test_the_detector_finds_the_rendered_faces_where_they_are() -> None:
    errors = []
    for person in range(12):
        footage = shoot(person, 0, frames=2)
        for frame in range(2):
            found = find(footage, frame)
            assert found is not None, f"person {person}, frame {frame}"
            assert found.confidence > 0.9
            assert 0.38 * 320 < found.box[3] - found.box[1] < 0.65 * 320
            square = crop_box(found.box)
            assert crop(footage.frames[frame], square).shape == (224, 224, 3)
            errors.append(error(found, footage.landmarks[frame]))
    assert np.median(errors) < 0.08


@pytest.mark.parametrize(
    ("frames", "size", "word"), [(0, 320, "frames"), (2, 321, "even"), (2, 32, "at least")]
)
def test_bad_arguments_are_named(frames: int, size: int, word: str) -> None:
    person = sample_person(np.random.default_rng(0))
    with pytest.raises(LTWError, match=word):
        film(person, frames=frames, size=size, rng=np.random.default_rng(0))


@pytest.mark.slow
def test_at_least_99_of_100_frames_are_found() -> None:
    found, errors = [], []
    for person in range(100, 200):
        footage = shoot(person, 0, frames=2)
        for frame in range(2):
            detection = find(footage, frame)
            found.append(detection)
            if detection is not None:
                errors.append(error(detection, footage.landmarks[frame]))
    kept = [d.confidence for d in found if d is not None]
    assert len(kept) >= 0.99 * len(found)
    assert np.mean(np.array(kept) > 0.95) > 0.9
    assert np.median(errors) < 0.08
