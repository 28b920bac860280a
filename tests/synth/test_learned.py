"""The learned forgeries, by an autoencoder simple enough to be foretold: means of 8x8 pixels."""

import pickle

import numpy as np
import pytest
from drawn import SIZE, drawn_face

from ltw.synth.forgeries import Donor
from ltw.synth.learned import ALL_FORGERIES, LEARNED, Source, forgery_of


class Means:
    stride = 8

    def encode(self, images):
        k, height, width, channels = images.shape
        assert height % 8 == width % 8 == 0
        assert images.dtype == np.float32
        assert 0 <= images.min() <= images.max() <= 1
        return images.reshape(k, height // 8, 8, width // 8, 8, channels).mean(axis=(2, 4))

    def decode(self, latents):
        return np.clip(latents.repeat(8, axis=1).repeat(8, axis=2), 0, 1)


def load_means():
    return Means()


names = pytest.mark.parametrize("name", LEARNED)


def forge(name, seed=0, strength=1.0, donor=None):
    frame, landmarks = drawn_face(1)
    donor = donor or Donor(*drawn_face(2))
    rng = np.random.default_rng(seed)
    return frame, landmarks, *LEARNED[name](Means(), frame, landmarks, donor, rng, strength)


@names
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_only_the_masked_face_changes_and_it_repeats(name, seed):
    frame, landmarks, forged, mask = forge(name, seed)
    assert forged.shape == (SIZE, SIZE, 3)
    assert forged.dtype == mask.dtype == np.uint8
    np.testing.assert_array_equal(forged[mask == 0], frame[mask == 0])
    assert np.abs(forged[mask > 200].astype(int) - frame[mask > 200]).mean() > 3
    weights = mask.astype(float)
    middle = np.array([weights.sum(axis=0), weights.sum(axis=1)]) @ np.arange(SIZE) / weights.sum()
    assert np.abs(middle - landmarks[2]).max() < 14
    np.testing.assert_array_equal(forged, forge(name, seed)[2])
    assert (forged != forge(name, seed + 10)[2]).any()


@names
def test_weak_ones_leave_less(name):
    frame, landmarks = drawn_face(1)
    itself = Donor(frame, landmarks)

    def trace(strength):
        changes = []
        for seed in range(4):
            _, _, forged, mask = forge(name, seed, strength, itself)
            changes.append(np.abs(forged.astype(int) - frame)[mask > 128].mean())
        return np.mean(changes)

    assert trace(0.1) < 0.85 * trace(1.0)


def test_a_twin_is_the_decoder_s_and_takes_nothing_from_the_donor():
    real = forge("twin")
    dark = forge("twin", donor=Donor(drawn_face(2)[0] * 0, drawn_face(2)[1]))
    np.testing.assert_array_equal(real[2], dark[2])
    _, _, forged, mask = real
    inside = mask > 250
    assert forged[inside].std() < 0.9 * real[0][inside].std()  # means have less contrast


def test_a_latent_swap_shows_the_donor():
    frame, landmarks = drawn_face(1)
    blank = np.full_like(frame, 140)
    rng = np.random.default_rng(0)
    forged, mask = LEARNED["latent_swap"](Means(), blank, landmarks, Donor(*drawn_face(2)), rng)
    assert forged[mask > 200].std() > 8
    same, mask = LEARNED["latent_swap"](
        Means(), blank, landmarks, Donor(blank, landmarks), np.random.default_rng(0)
    )
    assert np.abs(same[mask > 0].astype(int) - 140).max() <= 1


def test_names_and_sources():
    assert ALL_FORGERIES[6:] == tuple(LEARNED) == ("twin", "latent_swap")
    source = pickle.loads(pickle.dumps(Source("0123", load_means)))
    frame, landmarks, forged, _ = forge("twin", seed=4)
    donor = Donor(*drawn_face(2))
    made, _ = forgery_of("twin", source)(frame, landmarks, donor, np.random.default_rng(4))
    np.testing.assert_array_equal(made, forged)
