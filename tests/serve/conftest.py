"""A tiny detector with random weights, files of rendered people, and services over them."""

import numpy as np
import pytest
import torch
from PIL import Image
from services import LIMITS, serving

from ltw.media.video import write_video
from ltw.models.detector import DetectorNetwork
from ltw.synth.people import film, sample_person


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A released folder; its scores spread over (0, 1)."""
    torch.manual_seed(0)
    model = DetectorNetwork("test_efficientnet", image_size=64).eval()
    with torch.no_grad():
        model.head.weight *= 40
    folder = tmp_path_factory.mktemp("released") / "tiny"
    model.save(folder)
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A folder with photo.png and clip.mp4 (two people, 10 frames), long.mp4, large.png, ..."""
    folder = tmp_path_factory.mktemp("files")
    people = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        people.append(film(sample_person(rng), frames=10, size=256, rng=rng).frames)
    both = np.concatenate(people, axis=2)
    Image.fromarray(both[0]).save(folder / "photo.png")
    Image.new("RGB", (256, 256), "gray").save(folder / "nobody.png")
    write_video(folder / "clip.mp4", both)
    write_video(folder / "long.mp4", [both[0]] * 60)
    write_video(folder / "large.mp4", [np.zeros((480, 640, 3), np.uint8)] * 3)
    Image.new("RGB", (1000, 400)).save(folder / "large.png")
    return folder


@pytest.fixture(scope="session")
def service(model):
    """A client of a service with small limits; it runs in this process, its workers do not."""
    with serving(model, LIMITS) as client:
        yield client
