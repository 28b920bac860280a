"""Faces unlike those trained on are noticed; those like them are not."""

import json

import cv2
import numpy as np
import pytest

from ltw.infer.familiarity import Familiar, noise, sharpness, sides


def faces(n, seed):
    """Noisy pictures with edges, uint8 (n, 64, 64, 3)."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(60, 200, (n, 8, 8, 3)).astype(np.uint8)
    large = [cv2.resize(one, (64, 64), interpolation=cv2.INTER_NEAREST) for one in rough]
    return np.clip(np.stack(large) + rng.normal(0, 6, (n, 64, 64, 3)), 0, 255).astype(np.uint8)


def features(n, seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (n, 12)).astype(np.float32)


def boxes(side, n=5):
    return [(10.0, 20.0, 10.0 + side, 20.0 + side)] * n


@pytest.fixture(scope="module")
def familiar():
    sizes = np.random.default_rng(0).uniform(80, 140, 300)
    return Familiar.measure(sizes, faces(300, 0), features(300, 1), features(300, 2))


def test_faces_like_those_trained_on_are_no_sign(familiar):
    assert familiar.signs(boxes(100), faces(5, 9), features(5, 3)) == ()


@pytest.mark.parametrize(
    ("change", "side", "words"),
    [
        (lambda x: x, 30, "smaller (30 pixels)"),
        (lambda x: x, 400, "larger (400 pixels)"),
        (lambda x: cv2.GaussianBlur(x, (9, 9), 0), 100, "more blurred"),
        (lambda x: cv2.medianBlur(x, 5), 100, "smoother, as by compression"),
        (lambda x: np.random.default_rng(0).integers(0, 255, x.shape, np.uint8), 100, "noisier"),
    ],
)
def test_each_sign_is_noticed(familiar, change, side, words):
    crops = np.stack([change(crop) for crop in faces(5, 9)])
    told = " ".join(familiar.signs(boxes(side), crops, features(5, 3)))
    assert words in told


def test_one_odd_frame_of_a_video_is_no_sign(familiar):
    crops = faces(5, 9)
    crops[0] = 0
    assert familiar.signs([*boxes(10, 1), *boxes(100, 4)], crops, features(5, 3)) == ()


def test_features_far_from_those_of_training_are_noticed(familiar):
    told = familiar.signs(boxes(100), faces(5, 9), features(5, 3, shift=4.0))
    assert told == ("the face looks different from those it was trained on, to the detector",)
    assert familiar.signs(boxes(100), faces(5, 9), None) == ()
    one_percent = np.mean(familiar.distances(features(20_000, 5)) > familiar.distance)
    assert 0 < one_percent < 0.05


def test_a_feature_that_hardly_varies_does_not_drown_the_others():
    dead = [features(300, seed) for seed in (1, 2)]
    for one, value in zip(dead, (0.0, 1e-4), strict=True):
        one[:, 0] = value
    known = Familiar.measure(None, faces(20, 0), *dead)
    assert known.distance < 3


def test_the_measures_are_those_of_the_papers():
    flat = np.full((1, 32, 32, 3), 90, np.uint8)
    assert sharpness(flat) < -5
    rng = np.random.default_rng(0)
    noisy = np.repeat(rng.normal(128, 8, (1, 64, 64, 1)).round(), 3, axis=3).astype(np.uint8)
    assert 10 ** noise(noisy)[0] == pytest.approx(8, rel=0.05)
    assert sides([(0, 0, 4, 9), (2, 2, 1, 1)]).tolist() == [6.0, 0.0]


def test_it_comes_back_from_a_release(familiar):
    again = Familiar.read(json.loads(json.dumps(familiar.to_json())))
    assert (again.size, again.sharpness, again.distance) == (
        familiar.size,
        familiar.sharpness,
        familiar.distance,
    )
    np.testing.assert_allclose(again.mean, familiar.mean, rtol=1e-4)
    np.testing.assert_allclose(again.std, familiar.std, rtol=1e-4)
    cropped = Familiar.measure(None, faces(20, 0), features(20, 1), features(20, 2))
    assert Familiar.read(cropped.to_json()).size is None
    assert not any("pixels" in sign for sign in cropped.signs(boxes(5), faces(5, 9), None))
