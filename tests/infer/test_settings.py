"""What a release says of itself is heeded: thresholds, and how its training faces were cut."""

import json

import numpy as np
import pytest

from ltw import Detector
from ltw.errors import DataError
from ltw.faces import crop, crop_box
from ltw.media.pictures import read_photo


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


def test_videos_have_a_threshold_of_their_own(release, photo, clip):
    for face, video in ((0.0, 1.0), (1.0, 0.0)):
        detector = Detector.load(release(threshold=face, video_threshold=video))
        judged = {path: detector(path, frames=2) for path in (photo, clip)}
        assert judged[photo].threshold == face
        assert judged[clip].threshold == video
        assert judged[photo].verdict == ("fake" if face == 0 else "real")
        assert judged[clip].verdict == ("fake" if video == 0 else "real")


def test_releases_without_one_judge_videos_as_faces(release):
    assert Detector.load(release(threshold=0.3)).settings.video_threshold == 0.3


def test_a_video_threshold_out_of_range_is_refused(release):
    with pytest.raises(DataError, match=r"video_threshold is 1\.5"):
        Detector.load(release(video_threshold=1.5))


def test_faces_are_cut_as_for_training(release, photo):
    detector = Detector.load(release(preprocessing={"margin": 60, "crop_size": 96}))
    got, image = detector(photo), read_photo(photo)
    wanted = [crop(image, crop_box(face.box, 60, 96), 96) for face in got.faces]
    assert np.allclose([face.p_fake for face in got.faces], detector.score(wanted), atol=1e-6)
    usual = [crop(image, crop_box(face.box)) for face in got.faces]
    assert not np.allclose(detector.score(usual), detector.score(wanted), atol=1e-6)


def test_foreign_crops_are_told(release):
    told = Detector.load(release(preprocessing={"margin": None, "crop_size": 224})).settings
    assert "cropped by somebody else" in told.caution
    assert told.cut.margin == 16
    assert Detector.load(release(preprocessing={"margin": 16})).settings.caution == ""


def test_impossible_crops_are_refused(release):
    with pytest.raises(DataError, match="preprocessing"):
        Detector.load(release(preprocessing={"margin": 300, "crop_size": 224}))
