"""What a release says of itself is heeded: thresholds, and how its training faces were cut."""

import numpy as np
import pytest

from ltw import Detector
from ltw.errors import ConfigError, DataError
from ltw.faces import crop, crop_box
from ltw.media.pictures import read_photo


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


def test_between_the_two_thresholds_it_is_unclear(release, photo):
    p = Detector.load(release())(photo).p_fake
    for low, high, verdict in (
        (p + 0.01, p + 0.02, "real"),
        (p - 0.01, p + 0.01, "unclear"),
        (p - 0.02, p - 0.01, "fake"),
    ):
        band = {"face": [low, high], "video": [0.0, 1.0]}
        got = Detector.load(release(threshold=0.9, band=band))(photo)
        assert (got.verdict, got.real_below, got.threshold) == (verdict, low, high)
        assert verdict in {person.verdict for person in got.people}


def test_a_release_of_one_threshold_says_that_it_has_no_band(release):
    one = Detector.load(release(threshold=0.3)).settings
    assert one.band == (0.3, 0.3)
    assert any("one threshold" in warning for warning in one.info.warnings)
    two = Detector.load(release(band={"face": [0.2, 0.6], "video": [0.3, 0.5]})).settings
    assert (two.band, two.video_band) == ((0.2, 0.6), (0.3, 0.5))
    assert not any("one threshold" in warning for warning in two.info.warnings)


@pytest.mark.parametrize("band", [[0.6, 0.2], [0.2, 1.5], [0.2], "wide"])
def test_a_damaged_band_is_refused(release, band):
    with pytest.raises(DataError, match=r"damaged|must be in"):
        Detector.load(release(band={"face": band, "video": [0.2, 0.6]}))


def test_a_threshold_of_the_users_replaces_the_band(release, photo):
    detector = Detector.load(release(band={"face": [0.0, 1.0], "video": [0.0, 1.0]}))
    assert detector(photo).verdict == "unclear"
    assert detector.with_threshold(0.0)(photo).verdict == "fake"
    assert detector.with_threshold(1.0)(photo).verdict == "real"
    assert detector(photo).verdict == "unclear"  # the detector itself stays as it was
    with pytest.raises(ConfigError, match=r"must be in \[0, 1\]"):
        detector.with_threshold(1.5)
