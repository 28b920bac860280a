"""What scoring promises: training's own preprocessing, people apart, one verdict, clear errors."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from ltw import Detector, metrics
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.data.store import Store
from ltw.engine.evaluate import predict_to_file
from ltw.errors import DataError
from ltw.infer import find_faces
from ltw.media.video import write_video
from ltw.models.detector import DetectorNetwork


def test_a_video_is_scored_as_training_scores_it(clip, model, released, tmp_path):
    # the independent way: into a store, scored as `ltw evaluate` does, mean over the video
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "real" / "one.mp4").symlink_to(clip)
    extract(READERS["folder"](root), tmp_path / "store", frames=5, workers=1)
    store = Store(tmp_path / "store")
    rows = list(range(len(store.records)))
    with torch.no_grad():
        out = tmp_path / "predictions.parquet"
        predict_to_file(lambda x: torch.sigmoid(model(x)[0]), [(store, rows)], out, image_size=64)
    faces = pd.read_parquet(out)
    _, _, expected = metrics.video_scores(faces["label"], faces["p_fake"], faces["video"])

    got = Detector.load(released)(clip, frames=5)
    assert [face.frame for face in got.faces] == faces["frame"].tolist()
    assert_allclose([face.box for face in got.faces], store.records["box"].tolist(), rtol=1e-6)
    assert_allclose([face.p_fake for face in got.faces], faces["p_fake"], rtol=1e-5)
    assert got.p_fake == pytest.approx(float(expected[0]), rel=1e-5)
    assert np.ptp(faces["p_fake"]) > 1e-3, "the scores must differ for this to mean anything"


def test_two_people_are_scored_apart_even_when_they_swap_seats(takes, released, tmp_path):
    a, b = takes
    left, right = np.concatenate([a[:4], b[4:]]), np.concatenate([b[:4], a[4:]])
    write_video(tmp_path / "swap.mp4", np.concatenate([left, right], axis=2))
    got = Detector.load(released)(tmp_path / "swap.mp4", frames=8)
    assert [(person.number, person.frames, person.counts) for person in got.people] == [
        (0, 8, True),
        (1, 8, True),
    ]
    for person in got.people:
        own = [face for face in got.faces if face.person == person.number]
        assert person.p_fake == pytest.approx(np.mean([face.p_fake for face in own]))
        assert len({face.box[0] > 256 for face in own[:4]}) == 1
        assert len({face.box[0] > 256 for face in own[4:]}) == 1
        assert (own[0].box[0] > 256) != (own[-1].box[0] > 256)
    assert got.p_fake == max(person.p_fake for person in got.people)
    assert got.suspect is not None
    assert {face.person for face in got.most_suspect()} == {got.suspect.number}


def test_a_photograph_has_the_score_of_its_most_suspect_face(photo, released):
    got = Detector.load(released)(photo)
    assert got.kind == "image"
    assert len(got.faces) == 2
    assert got.p_fake == max(face.p_fake for face in got.faces)


def test_json_is_the_contract(photo, released):
    got = json.loads(Detector.load(released)(photo).to_json())
    assert {"path", "kind", "p_fake", "verdict", "faces", "error"} <= set(got)
    assert got["path"] == str(photo)
    assert got["error"] is None
    assert got["verdict"] in ("real", "unclear", "fake")
    assert got["threshold"] == got["real_below"] == 0.5
    assert {"name", "id", "demo", "trained", "tested", "warnings"} == set(got["detector"])
    assert {"frame", "time", "box", "p_fake"} <= set(got["faces"][0])
    assert len(got["faces"][0]["box"]) == 4


def test_temperature_calibrates_and_the_threshold_decides(photo, model, tmp_path):
    crops = find_faces(photo).crops
    raw = None
    for temperature, threshold in ((1.0, 0.5), (2.5, 0.0), (2.5, 1.0)):
        settings = {"image_size": 64, "temperature": temperature, "threshold": threshold}
        other = DetectorNetwork("test_efficientnet", **settings)
        other.load_state_dict(model.state_dict())
        other.save(tmp_path)
        detector = Detector.load(tmp_path)
        p = detector.score(crops)
        raw = p if raw is None else raw
        assert_allclose(np.log(p / (1 - p)), np.log(raw / (1 - raw)) / temperature, rtol=1e-4)
        wanted = "fake" if detector(photo).p_fake >= threshold else "real"
        assert detector(photo).verdict == wanted


def test_crops_of_any_size_give_what_they_give_alone(released):
    detector = Detector.load(released)
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (40, 64, 224, 64)]
    together = detector.score(crops, batch_size=3)
    assert together.dtype == np.float32
    assert_allclose(together, [detector.score(c[None])[0] for c in crops], rtol=1e-5)
    assert detector.score([]).shape == (0,)


@pytest.mark.parametrize(
    ("crop", "phrase"),
    [
        (np.zeros((8, 8, 3)), "float64"),
        (np.zeros((8, 8), np.uint8), r"\(8, 8\)"),
        (np.zeros((8, 9, 3), np.uint8), "square"),
    ],
)
def test_what_is_no_crop_is_refused(released, crop, phrase):
    with pytest.raises(DataError, match=phrase):
        Detector.load(released).score([crop])


def test_one_file_raises_and_many_tell(released, photo, tmp_path):
    detector = Detector.load(released)
    broken, wall = tmp_path / "broken.jpg", tmp_path / "wall.mp4"
    broken.write_text("Dear all,")
    write_video(wall, np.full((3, 64, 64, 3), 90, np.uint8))
    with pytest.raises(DataError, match="not an image"):
        detector(broken)
    with pytest.raises(DataError, match="no such file"):
        detector(tmp_path / "absent.mp4")
    got = list(detector.predict([broken, photo, wall], workers=1))
    assert [p.path for p in got] == [str(broken), str(photo), str(wall)]
    assert [p.error for p in got] == ["not an image", None, None]
    assert [p.verdict for p in got[::2]] == ["error", "no-face"]
    assert [p.p_fake is None for p in got] == [True, False, True]
