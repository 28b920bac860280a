"""Failed forgeries and bad detections: what they change, and that a clip's frames agree."""

import cv2
import numpy as np
import pytest
from drawn import SIZE, drawn_face

from ltw.synth.detections import BAD_DETECTIONS, mistaken_box, spoil
from ltw.synth.failures import FAILURES, fail_clip
from ltw.synth.forgeries import FORGERIES, Donor

kinds = pytest.mark.parametrize("kind", FAILURES)


def swapped(seed=0):
    frame, landmarks = drawn_face(1)
    rng = np.random.default_rng(seed)
    forged, mask = FORGERIES["graphics_swap"](frame, landmarks, Donor(*drawn_face(2)), rng)
    return frame, landmarks, forged, mask


def fail(kind, frame, landmarks, forged, mask, seed=0):
    clips = (np.stack([part] * 2) for part in (frame, forged, mask, landmarks))
    return fail_clip(kind, *clips, np.random.SeedSequence(seed))


@kinds
@pytest.mark.parametrize("seed", range(3))
def test_a_failure_shows_and_its_mask_says_where(kind, seed):
    frame, landmarks, forged, mask = swapped()
    frames, masks = fail(kind, frame, landmarks, forged, mask, seed)
    assert frames.shape == (2, SIZE, SIZE, 3)
    assert masks.shape == (2, SIZE, SIZE)
    assert frames.dtype == masks.dtype == np.uint8
    np.testing.assert_array_equal(frames[0], frames[1])  # drawn once a clip
    np.testing.assert_array_equal(frames[0][masks[0] == 0], frame[masks[0] == 0])
    inside = mask > 128
    assert np.abs(frames[0].astype(int) - forged)[inside].mean() > 5
    assert 0.01 < (masks[0] > 128).mean() < 0.5


def middle(mask):
    weights = mask.astype(float)
    return np.array([weights.sum(axis=0), weights.sum(axis=1)]) @ np.arange(SIZE) / weights.sum()


def test_misplaced_faces_lie_elsewhere_and_wrong_scales_are_wrong():
    frame, landmarks, forged, mask = swapped()
    eyes = landmarks[1, 0] - landmarks[0, 0]
    opaque = np.clip(mask * 1.6, 0, 255)
    for seed in range(4):
        moved = fail("misplaced", frame, landmarks, forged, mask, seed)[1][0]
        distance = np.linalg.norm(middle(moved) - middle(opaque)) / eyes
        assert 0.2 < distance < 0.55
        scaled = fail("wrong scale", frame, landmarks, forged, mask, seed)[1][0]
        growth = (scaled > 128).sum() / (opaque > 128).sum()
        assert growth < 0.7 or growth > 1.4


def test_smeared_faces_have_no_detail_left():
    frame, landmarks, forged, mask = swapped()
    smeared = fail("smeared", frame, landmarks, forged, mask)[0][0]

    def detail(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        core = cv2.erode(mask, np.ones((9, 9))) > 250
        return np.abs(cv2.Laplacian(grey, cv2.CV_32F))[core].mean()

    assert detail(smeared) < 0.3 * detail(forged)


def test_bad_detections_are_hardly_faces():
    frame, _ = drawn_face(1)
    rng = np.random.default_rng(0)
    dark = spoil("dark", frame, rng)
    assert dark.mean() < 0.35 * frame.mean()
    unfocused = spoil("out of focus", frame, rng)
    laplacians = [cv2.Laplacian(image, cv2.CV_32F).var() for image in (unfocused, frame)]
    assert laplacians[0] < 0.1 * laplacians[1]
    for kind in ("cut off", "no face"):
        np.testing.assert_array_equal(spoil(kind, frame, rng), frame)


@pytest.mark.parametrize("size", [128, 320])
def test_mistaken_boxes_miss_the_face(size):
    """The face takes the middle half of a frame."""
    rng = np.random.default_rng(0)
    face = np.array([0.25, 0.25, 0.75, 0.75]) * size

    def shares(kind):
        found = []
        for _ in range(200):
            x0, y0, x1, y1 = mistaken_box(kind, size, rng)
            assert x1 - x0 == pytest.approx(y1 - y0, abs=0.2)
            assert min(x1, y1) > 0
            assert max(x0, y0) < size
            width = min(x1, face[2]) - max(x0, face[0])
            height = min(y1, face[3]) - max(y0, face[1])
            found.append(max(width, 0) * max(height, 0) / (size / 2) ** 2)
        return np.array(found)  # of the face, how much is in the box

    cut = shares("cut off")
    assert cut.min() > 0.02
    assert cut.max() < 0.65
    assert shares("no face").max() < 0.05
    for kind in set(BAD_DETECTIONS) - {"cut off", "no face"}:
        assert mistaken_box(kind, size, rng) is None
