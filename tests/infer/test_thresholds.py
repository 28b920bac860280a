"""A photograph is judged by the threshold of faces, a video by that of videos."""

import json

import pytest

from ltw import Detector
from ltw.errors import DataError


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
