"""Every forgery on a drawn face: what it may touch, what it must change, what it must not vary."""

import cv2
import numpy as np
import pytest
from drawn import SIZE, drawn_face

from ltw.synth.footage import Footage
from ltw.synth.forgeries import DEFAULT_FORGERIES, FORGERIES, Donor, forge_clip

names = pytest.mark.parametrize("name", FORGERIES)


def forge(name: str, seed: int = 0, shift: float = 0.0):
    frame, landmarks = drawn_face(1, shift)
    donor = Donor(*drawn_face(2))
    return frame, landmarks, *FORGERIES[name](frame, landmarks, donor, np.random.default_rng(seed))


@names
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_only_the_masked_face_changes(name, seed):
    frame, _, forged, mask = forge(name, seed)
    assert forged.shape == frame.shape
    assert forged.dtype == np.uint8
    assert mask.shape == frame.shape[:2]
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(forged[mask == 0], frame[mask == 0])
    assert np.abs(forged[mask > 200].astype(int) - frame[mask > 200]).mean() > 0.8


@names
def test_the_mask_lies_on_the_face(name):
    _, landmarks, _, mask = forge(name)
    weights = mask.astype(float)
    middle = np.array([weights.sum(axis=0), weights.sum(axis=1)]) @ np.arange(SIZE) / weights.sum()
    # the mouth for a mouth, the whole face's middle for the others
    expected = landmarks[3:].mean(axis=0) if name == "mouth_rerendering" else landmarks[2]
    assert np.abs(middle - expected).max() < 14
    assert 0.02 < (mask > 128).mean() < 0.25
    border = np.concatenate([mask[:8].ravel(), mask[-8:].ravel(), mask[:, :8].ravel()])
    assert not border.any()


@names
def test_the_input_is_left_alone_and_the_result_repeats(name):
    frame, landmarks = drawn_face(1)
    donor = Donor(*drawn_face(2))
    kept = frame.copy(), landmarks.copy(), donor.frame.copy(), donor.landmarks.copy()
    first = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(5))
    for now, before in zip((frame, landmarks, donor.frame, donor.landmarks), kept, strict=True):
        np.testing.assert_array_equal(now, before)
    again = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(5))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    other = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(6))
    assert (first[0] != other[0]).any()


@names
def test_parameters_are_constant_over_a_clip(name):
    """The face moved by whole pixels is forged the same: nothing is drawn anew a frame."""
    _, _, _, mask = forge(name, shift=0.0)
    _, _, _, moved = forge(name, shift=6.0)
    back = np.roll(moved, (-6, -6), axis=(0, 1)).astype(int)
    # a graphics swap jitters by design, by less than two pixels: its edge moves, its shape stays
    allowed = 4.0 if name == "graphics_swap" else 0.5
    assert np.abs(back - mask).mean() < allowed
    assert abs(int(moved.max()) - int(mask.max())) <= 1  # opacity


def test_graphics_swap_alone_is_unsteady():
    def texture_shift(name):
        """How far the donor's texture moves within the face when the whole frame moves by 6."""
        still, moved = forge(name, shift=0.0)[2], forge(name, shift=6.0)[2]
        inner = slice(70, 120)
        a = cv2.cvtColor(still[inner, inner], cv2.COLOR_RGB2GRAY).astype(np.float32)
        b = cv2.cvtColor(np.roll(moved, (-6, -6), (0, 1))[inner, inner], cv2.COLOR_RGB2GRAY)
        return np.abs(a - b).mean()

    assert texture_shift("graphics_swap") > 3 * texture_shift("learned_swap")


@pytest.mark.parametrize("name", ["learned_swap", "graphics_swap"])
def test_swaps_show_the_donor(name):
    """Where the target's face is blank, what shows in it can come from the donor alone."""
    frame, landmarks = drawn_face(1)
    blank = np.full_like(frame, 140)
    donor_frame, donor_landmarks = drawn_face(2)
    forged, _ = FORGERIES[name](
        blank, landmarks, Donor(donor_frame, donor_landmarks), np.random.default_rng(0)
    )
    eyes = [
        forged[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].mean() for x, y in landmarks[:2]
    ]
    cheek = forged[int(landmarks[2, 1]), int(landmarks[0, 0])].mean()
    assert max(eyes) < cheek - 15


@pytest.mark.parametrize(
    "name", ["expression_transfer", "mouth_rerendering", "self_blending", "spectral_upsampling"]
)
def test_identity_keeping_forgeries_take_no_pixel_from_the_donor(name):
    frame, landmarks = drawn_face(1)
    donor_frame, donor_landmarks = drawn_face(2)
    args = frame, landmarks
    real = FORGERIES[name](*args, Donor(donor_frame, donor_landmarks), np.random.default_rng(0))
    dark = FORGERIES[name](*args, Donor(donor_frame * 0, donor_landmarks), np.random.default_rng(0))
    np.testing.assert_array_equal(real[0], dark[0])


@pytest.mark.parametrize("name", ["expression_transfer", "mouth_rerendering"])
def test_expressions_follow_the_donor(name):
    _, landmarks = drawn_face(1)
    frame = np.full((SIZE, SIZE, 3), 140, np.uint8)
    mouth = tuple(int(c) for c in landmarks[3:].mean(axis=0))
    cv2.ellipse(frame, mouth, (17, 5), 0, 0, 360, (200, 60, 60), -1)
    grin = landmarks + np.float32([[0, 0], [0, 0], [0, 0], [-5, 0], [5, 0]])
    pout = landmarks + np.float32([[0, 0], [0, 0], [0, 0], [5, 0], [-5, 0]])

    def lip_width(donor_landmarks):
        donor = Donor(frame, donor_landmarks)
        forged, _ = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(0))
        return (forged[..., 0].astype(int) - forged[..., 1] > 60).any(axis=0).sum()

    assert lip_width(grin) > lip_width(landmarks) > lip_width(pout)


def test_traces_differ_in_kind():
    """Swaps and re-rendering lose fine texture, a graphics swap does not."""

    def detail(image, mask):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return np.abs(cv2.Laplacian(grey, cv2.CV_32F))[mask > 250].mean()

    ratio = {}
    for name in FORGERIES:
        frame, _, forged, mask = forge(name)
        ratio[name] = detail(forged, mask) / detail(frame, mask)
    assert ratio["learned_swap"] < 0.5
    assert ratio["mouth_rerendering"] < 0.7
    assert ratio["graphics_swap"] > 0.7


def test_spectral_upsampling_leaves_a_peak():
    flat = np.full((SIZE, SIZE, 3), 140, np.uint8)
    _, landmarks = drawn_face(1)
    forged, _ = FORGERIES["spectral_upsampling"](
        flat, landmarks, Donor(flat, landmarks), np.random.default_rng(0)
    )
    patch = forged[76:124, 76:124, 0].astype(float)
    spectrum = np.abs(np.fft.fft2(patch - patch.mean()))
    assert spectrum.max() > 20 * np.median(spectrum)
    row, column = np.unravel_index(spectrum[:24, :24].argmax(), (24, 24))
    assert max(row, column) > 8  # a period of a few pixels


def test_clip_is_forged_frame_by_frame_from_one_seed():
    takes = [
        Footage(
            *(np.stack(part) for part in zip(*(drawn_face(seed, s) for s in (0, 2)), strict=True))
        )
        for seed in (1, 2)
    ]
    seed = np.random.SeedSequence(3)
    frames, masks = forge_clip(FORGERIES["learned_swap"], *takes, seed)
    assert frames.shape == (2, SIZE, SIZE, 3)
    assert masks.shape == (2, SIZE, SIZE)
    donor = Donor(takes[1].frames[1], takes[1].landmarks[1])
    alone, _ = FORGERIES["learned_swap"](
        takes[0].frames[1], takes[0].landmarks[1], donor, np.random.default_rng(seed)
    )
    np.testing.assert_array_equal(frames[1], alone)


@names
def test_full_strength_is_the_default(name):
    frame, landmarks = drawn_face(1)
    donor = Donor(*drawn_face(2))
    plain = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(3))
    full = FORGERIES[name](frame, landmarks, donor, np.random.default_rng(3), 1.0)
    np.testing.assert_array_equal(plain[0], full[0])
    np.testing.assert_array_equal(plain[1], full[1])


@pytest.mark.parametrize(
    "name", ["expression_transfer", "mouth_rerendering", "self_blending", "spectral_upsampling"]
)
def test_weak_forgeries_leave_less_of_themselves(name):
    """Forged with the target as its own donor, all that changes is a trace."""
    frame, landmarks = drawn_face(1)
    donor = Donor(frame, landmarks)

    def trace(strength):
        changes = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            forged, mask = FORGERIES[name](frame, landmarks, donor, rng, strength)
            changes.append(np.abs(forged.astype(int) - frame)[mask > 128].mean())
        return np.mean(changes)

    weak, middle, full = (trace(strength) for strength in (0.1, 0.5, 1.0))
    assert weak < 0.8 * full
    assert weak < middle < full


@pytest.mark.parametrize("name", ["learned_swap", "graphics_swap"])
def test_weak_swaps_take_the_target_s_colours(name):
    frame, landmarks = drawn_face(1)
    donor_frame, donor_landmarks = drawn_face(2)
    donor = Donor((donor_frame * [0.6, 0.9, 1.0]).astype(np.uint8), donor_landmarks)

    def gap(strength):
        gaps = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            forged, mask = FORGERIES[name](frame, landmarks, donor, rng, strength)
            smooth = cv2.GaussianBlur(forged.astype(np.float32) - frame, (0, 0), 12)
            gaps.append(np.abs(smooth)[mask > 200].mean())
        return np.mean(gaps)

    assert gap(0.1) < 0.8 * gap(1.0)


def test_the_four_defaults_come_first_and_are_no_originals():
    assert tuple(FORGERIES) == (
        "learned_swap",
        "graphics_swap",
        "expression_transfer",
        "mouth_rerendering",
        "self_blending",
        "spectral_upsampling",
    )
    assert tuple(FORGERIES)[:4] == DEFAULT_FORGERIES
