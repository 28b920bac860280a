"""Faces that came cropped: what of a clip's pictures, masks and landmarks gets into a store."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from blobs import blob_video, clip_of
from PIL import Image

from ltw.data.checks.store_check import store_check
from ltw.data.contact_sheet import contact_sheet
from ltw.data.extract import extract
from ltw.data.pairing import Pairing, epoch_batches
from ltw.data.precropped import copy_clip, numbered
from ltw.data.store import Parameters, Store
from ltw.data.store_info import store_info
from ltw.errors import DataError
from ltw.types import Clip

SIZE = 32
PARAMETERS = Parameters(frames=3, margin=None, size=SIZE)


def picture(seed: int, width: int = SIZE, height: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def cropped_clip(folder: Path, numbers=range(3), domain: str = "real", **shape: int) -> Clip:
    """Noise pictures NAME_0000.png, a seed a number and domain."""
    folder.mkdir(parents=True)
    for number in numbers:
        image = Image.fromarray(picture(number + 100 * (domain != "real"), **shape))
        image.save(folder / f"{folder.name}_{number:04d}.png")
    names = [f"{folder.name}_{number:04d}.png" for number in numbers]
    return clip_of(folder, domain=domain, frames=tuple(names))


def with_masks(clip: Clip, mask: np.ndarray) -> Clip:
    folder = clip.path.parent / f"masks-{clip.path.name}"
    folder.mkdir()
    for name in clip.frames:
        Image.fromarray(mask).save(folder / name)
    return replace(clip, mask_path=folder)


def with_landmarks(clip: Clip, points: np.ndarray) -> Clip:
    folder = clip.path.parent / f"landmarks-{clip.path.name}"
    folder.mkdir()
    for name in clip.frames:
        np.save((folder / name).with_suffix(".npy"), points)
    return replace(clip, landmarks_path=folder)


def test_pictures_are_ordered_by_the_last_number_of_their_names():
    names = ["1_2_0010.png", "1_2_0002.png", "thumb.png", "1_2_2.jpg"]
    assert numbered(names) == {2: "1_2_0002.png", 10: "1_2_0010.png"}


def test_evenly_spaced_frames_are_kept_bit_for_bit_with_what_is_known_of_them(tmp_path):
    clip = cropped_clip(tmp_path / "000_003", numbers=range(0, 60, 10), domain="swap")
    part = copy_clip(clip, PARAMETERS)
    assert [face.frame for face, _, _ in part.faces] == [10, 30, 50]  # centres of three thirds
    for face, crop, mask in part.faces:
        np.testing.assert_array_equal(crop, picture(face.frame + 100))
        assert (mask, face.has_mask) == (None, False)
        assert (face.video, face.domain, face.label) == (clip.video, "swap", 1)
        assert (face.person, face.source_video) == (clip.person, clip.source_video)
        assert face.box == face.crop == (0, 0, SIZE, SIZE)
        assert math.isnan(face.time)
        assert math.isnan(face.detection_confidence)
        assert np.isnan(face.landmarks).all()
    video = part.video
    assert (video.status, video.reason, video.path) == ("ok", "", str(clip.path))
    assert (video.frames_asked, video.frames_total, video.frames_with_face) == (3, 6, 3)
    assert video.bytes == sum(file.stat().st_size for file in clip.path.iterdir())


def test_pictures_of_another_size_are_resized_and_never_squeezed(tmp_path):
    large = copy_clip(cropped_clip(tmp_path / "a", [0], width=64, height=64), PARAMETERS)
    expected = picture(0, 64, 64).reshape(SIZE, 2, SIZE, 2, 3).mean(axis=(1, 3))
    assert np.abs(large.faces[0][1] - expected).max() <= 1
    wide = cropped_clip(tmp_path / "b", [0], width=SIZE, height=SIZE // 2)
    face, crop, _ = copy_clip(wide, PARAMETERS).faces[0]
    np.testing.assert_array_equal(crop[SIZE // 4 : -SIZE // 4], picture(0, SIZE, SIZE // 2))
    assert face.box == (0, 0, SIZE, SIZE // 2)
    assert face.crop == (0, -SIZE // 4, SIZE, SIZE * 3 // 4)


def test_masks_are_cut_like_their_frames_and_unusable_ones_are_told(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[:32, :32] = 255
    clip = cropped_clip(tmp_path / "a_b", domain="swap", width=64, height=64)
    clip = with_masks(clip, mask)
    (clip.mask_path / clip.frames[1]).write_text("no picture")
    Image.fromarray(mask[:40]).save(clip.mask_path / clip.frames[2])
    part = copy_clip(clip, PARAMETERS)
    assert [face.has_mask for face, _, _ in part.faces] == [True, False, False]
    np.testing.assert_array_equal(part.faces[0][2], cv2.resize(mask, (SIZE, SIZE)))
    assert part.video.status == "ok"
    assert part.video.reason == "masks missing, damaged or of another size: 2"


@pytest.mark.parametrize("points", [68, 81])
def test_five_landmarks_are_taken_from_dlibs(tmp_path, points):
    # dlib numbers the subject's right eye, left in the picture, first: 36-41; corners 36 and 39
    dlib = np.full((points, 2), -1.0)
    dlib[36:42] = [[8, 10], [9, 9], [11, 9], [12, 10], [11, 11], [9, 11]]
    dlib[42:48] = dlib[36:42] + np.array([10, 0])
    dlib[30], dlib[48], dlib[54] = [15, 17], [11, 24], [19, 25]
    clip = with_landmarks(cropped_clip(tmp_path / "a"), dlib)
    np.save(clip.landmarks_path / "a_0002.npy", np.zeros((5, 2)))
    part = copy_clip(clip, PARAMETERS)
    assert part.faces[0][0].landmarks == pytest.approx((10, 10, 20, 10, 15, 17, 11, 24, 19, 25))
    assert np.isnan(part.faces[2][0].landmarks).all()
    assert part.video.reason == "landmark files missing or damaged: 1"


def test_missing_and_damaged_frames_are_told_and_the_others_kept(tmp_path):
    clip = cropped_clip(tmp_path / "a", range(4))
    (tmp_path / "a" / "a_0001.png").unlink()
    (tmp_path / "a" / "a_0002.png").write_text("no picture")
    part = copy_clip(clip, PARAMETERS)
    assert [face.frame for face, _, _ in part.faces] == [0, 3]
    assert (part.video.status, part.video.frames_decoded) == ("ok", 2)
    assert part.video.reason == "frames missing: 1; frames, not an image: 1"
    gone = copy_clip(replace(clip, path=tmp_path / "gone"), PARAMETERS)
    assert (gone.faces, gone.video.status) == ((), "failed")
    assert gone.video.reason == "none of its frames is there"


def test_a_store_of_them_is_sound_and_opens_everywhere(tmp_path, monkeypatch):
    clips = [cropped_clip(tmp_path / "a"), cropped_clip(tmp_path / "a_b", domain="swap")]
    summary = extract(clips, tmp_path / "store", frames=3, size=SIZE, workers=1)
    assert (summary.done, summary.faces, summary.failures) == (2, 6, {})
    store = Store(tmp_path / "store")
    assert store_check(store.path).problems == []
    info = json.loads(json.dumps(store_info(store), allow_nan=False))
    assert (info["margin"], info["faces"]) == (None, 6)
    assert contact_sheet(store).shape[2] == 3
    records = pd.read_parquet(store.path / "records.parquet")
    assert records[["time", "detection_confidence"]].isna().all(axis=None)
    assert records["landmarks"].map(len).eq(10).all()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    opened = datasets.load_dataset(str(store.path), split="train", cache_dir=str(tmp_path / "hf"))
    for number, row in enumerate(opened.select(range(3))):
        np.testing.assert_array_equal(np.asarray(row["image"]), picture(number))
        assert math.isnan(row["time"])
        assert np.isnan(row["landmarks"]).all()


def test_a_training_batch_pairs_forgery_and_real_at_the_same_frame(tmp_path):
    domains = {"a": "real", "a_b": "swap", "a_c": "morph"}
    clips = [cropped_clip(tmp_path / name, domain=domain) for name, domain in domains.items()]
    extract(clips, tmp_path / "store", frames=3, size=SIZE, workers=1)
    records = Store(tmp_path / "store").records
    batch = next(
        epoch_batches(
            pairing := Pairing(records),
            np.arange(len(records)),
            ["swap", "morph"],
            steps=1,
            batch_size=6,
            paired=True,
            rng=np.random.default_rng(0),
        )
    )
    faces, counterparts = records.loc[batch.faces], records.loc[batch.counterparts]
    assert faces["frame"].tolist() == counterparts["frame"].tolist()
    assert (faces["label"].to_numpy() == 1 - counterparts["label"].to_numpy()).all()
    assert pairing.fallbacks == {"person": 0, "any": 0}


def test_a_failed_clip_is_tried_again_once_its_frames_are_there(tmp_path):
    clip, store = cropped_clip(tmp_path / "a"), tmp_path / "store"
    good = cropped_clip(tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    options = {"frames": 3, "size": SIZE, "workers": 1}
    assert list(extract([clip, good], store, **options).failures) == [clip.video]
    (tmp_path / "elsewhere").rename(tmp_path / "a")
    again = extract([clip, good], store, **options)
    assert (again.done, again.skipped, again.failures) == (1, 1, {})


@pytest.mark.usefixtures("squares_are_faces")
def test_crops_of_two_kinds_are_never_mixed(tmp_path):
    video = clip_of(blob_video(tmp_path / "v.mp4", [[(32, 32, 32)]] * 4))
    crops = cropped_clip(tmp_path / "a")
    options = {"frames": 3, "size": SIZE, "workers": 1}
    with pytest.raises(DataError, match=r"videos \(1\) among clips.*toy/real/c23/v"):
        extract([crops, video], tmp_path / "both", **options)
    with pytest.raises(DataError, match="margin is 16, but these faces are cropped already"):
        extract([crops], tmp_path / "both", margin=16, **options)
    assert not (tmp_path / "both").exists()
    extract([crops], tmp_path / "cropped", **options)
    with pytest.raises(DataError, match="holds faces that came cropped, now asked to take faces c"):
        extract([video], tmp_path / "cropped", **options)
    extract([video], tmp_path / "cut", **options)
    assert Store(tmp_path / "cut").parameters.margin == 16
    with pytest.raises(DataError, match="holds faces cut from videos, now asked to take"):
        extract([crops], tmp_path / "cut", **options)
