"""A tiny detector with random weights, and footage of rendered people."""

import json

import numpy as np
import pytest
import torch

from ltw.media.video import write_video
from ltw.models.detector import DetectorNetwork
from ltw.synth.people import film, sample_person

SIDE = 256


@pytest.fixture(scope="session")
def model():
    """A released detector's module; its scores spread over (0, 1)."""
    torch.manual_seed(0)
    model = DetectorNetwork("test_efficientnet", image_size=64).eval()
    with torch.no_grad():
        model.head.weight *= 40
    return model


@pytest.fixture(scope="session")
def released(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("released") / "tiny"
    model.save(folder)
    return folder


@pytest.fixture
def release(released, tmp_path):
    """``release(threshold=0.3, ...)``: the tiny detector with these settings."""

    def write(**settings):
        config = json.loads((released / "detector.json").read_text())
        (tmp_path / "detector.json").write_text(json.dumps(config | settings))
        weights = (released / "detector.safetensors").read_bytes()
        (tmp_path / "detector.safetensors").write_bytes(weights)
        return tmp_path

    return write


def take(seed, frames=8):
    rng = np.random.default_rng(seed)
    return film(sample_person(rng), frames=frames, size=SIDE, rng=rng).frames


@pytest.fixture(scope="session")
def takes():
    """Two people, uint8 (8, 256, 256, 3) each."""
    return take(1), take(2)


@pytest.fixture(scope="session")
def clip(takes, tmp_path_factory):
    """One person in a picture large enough to be searched on a reduced copy."""
    path = tmp_path_factory.mktemp("clip") / "one.mp4"
    wide = np.full((8, 560, 1280, 3), 120, np.uint8)
    wide[:, 150 : 150 + SIDE, 420 : 420 + SIDE] = takes[0]
    write_video(path, wide)
    return path


@pytest.fixture(scope="session")
def photo(takes, tmp_path_factory):
    from PIL import Image

    path = tmp_path_factory.mktemp("photo") / "both.png"
    Image.fromarray(np.concatenate([t[0] for t in takes], axis=1)).save(path)
    return path
