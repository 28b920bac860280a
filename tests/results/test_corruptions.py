"""Corruptions lose what they say, more with every strength, and the same in every run."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ltw.results.corruptions import CORRUPTIONS


@pytest.fixture
def face():
    rng = np.random.default_rng(0)
    rough = rng.normal(0, 60, (224, 224, 3))
    smooth = cv2.GaussianBlur(rough, (0, 0), 3) * 6 + 0.2 * rough
    return np.clip(smooth + 128, 0, 255).astype(np.uint8)


def corrupt(name, level, image):
    return CORRUPTIONS[name].apply(image, level, np.random.default_rng(1))


def error(a, b):
    return float(np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_strength_loses_more(name, face):
    before = face.copy()
    corrupted = [corrupt(name, level, face) for level in CORRUPTIONS[name].levels]
    errors = [error(image, face) for image in corrupted]
    assert errors[0] > 0
    assert errors == sorted(errors)
    assert all(image.shape == face.shape and image.dtype == np.uint8 for image in corrupted)
    assert np.array_equal(face, before)  # the store's picture is not written to
    again = [corrupt(name, level, face) for level in CORRUPTIONS[name].levels]
    assert all(map(np.array_equal, corrupted, again))


def test_jpeg_is_that_of_another_encoder(face):
    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=50, subsampling="4:2:0")
    ours, theirs = corrupt("jpeg", 50, face), np.asarray(Image.open(file))
    assert error(ours, theirs) < 0.1 * error(ours, face)


def test_noise_has_the_strength_named():
    grey = np.full((224, 224, 3), 128, np.uint8)
    assert corrupt("noise", 10, grey).std() == pytest.approx(10, rel=0.02)


def test_contrast_scales_about_the_mean():
    image = np.repeat(np.asarray([[[100], [140]]], np.uint8), 3, axis=2)
    assert corrupt("contrast", 0.5, image)[..., 0].tolist() == [[110, 130]]


def test_downscaling_removes_what_is_finer(face):
    fine = np.indices((224, 224)).sum(axis=0) % 2 * 200
    checks = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    assert corrupt("downscale", 2, checks).std() < 5
