"""Portrait folders: who is one person, what is left out and why, what a moved portrait keeps."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltw.errors import DataError
from ltw.faces import detect_faces
from ltw.synth import portraits
from ltw.synth.people import film, sample_person
from ltw.synth.portraits import PortraitPerson, film_portrait, find_people, load_portrait

REAL_PORTRAITS = Path(
    os.environ.get("LTW_PORTRAITS", Path(__file__).parents[3] / "shared" / "portraits")
)


@pytest.fixture(scope="session")
def photograph():
    """A rendered person's picture: uint8 (320, 320, 3) with one face that MTCNN finds."""
    rng = np.random.default_rng(7)
    return film(sample_person(rng), frames=1, rng=rng).frames[0]


def save(path: Path, pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def grey(height: int, width: int):
    return np.full((height, width, 3), 128, np.uint8)


def test_people_are_files_subfolders_and_shared_names(tmp_path):
    for name in (
        "012_neutral.jpg",
        "012_smiling.jpg",
        "anna_maria_1.png",
        "anna_maria_2.png",
        "bob.jpeg",
        "carl/a.jpg",
        "carl/b.PNG",
        "carl/more/c.jpg",
    ):
        save(tmp_path / name, grey(80, 80))
    (tmp_path / "notes.txt").write_text("not a portrait")
    people, skips = find_people(tmp_path)
    assert [(person.name, len(person.photos)) for person in people] == [
        ("012", 2),
        ("anna_maria", 2),
        ("bob", 1),
        ("carl", 3),
    ]
    assert skips == []


def test_unusable_files_are_skips_with_reasons(tmp_path):
    save(tmp_path / "good.png", grey(80, 80))
    save(tmp_path / "dot.png", grey(1, 1))
    (tmp_path / "letter.jpg").write_text("Dear all,")
    (tmp_path / "empty.jpg").write_bytes(b"")
    people, skips = find_people(tmp_path)
    assert [person.name for person in people] == ["good"]
    reasons = dict(skips)
    assert sorted(reasons) == ["dot.png", "empty.jpg", "letter.jpg"]
    assert "1x1" in reasons["dot.png"]
    assert reasons["letter.jpg"] == reasons["empty.jpg"] == "not a readable image"


def test_huge_images_are_refused_unread(tmp_path, monkeypatch):
    """By the header alone: a PNG of 20,000 x 20,000 black pixels is small, decoded it is not."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    save(tmp_path / "good.png", grey(80, 80))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    people, skips = find_people(tmp_path)
    assert [person.name for person in people] == ["good"]
    assert skips[0][0] == "huge.png"
    assert "more pixels than the limit" in skips[0][1]
    with pytest.raises(DataError, match="more pixels than the limit"):
        load_portrait(tmp_path / "huge.png")


@pytest.mark.slow
def test_an_image_of_12000_by_12000_is_read_and_made_smaller(tmp_path):
    Image.new("L", (12_000, 12_000)).save(tmp_path / "large.png")
    with pytest.raises(DataError, match="no face found"):
        load_portrait(tmp_path / "large.png")


def test_missing_and_empty_folders_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        find_people(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no portraits"):
        find_people(tmp_path)
    (tmp_path / "letter.jpg").write_text("Dear all,")
    with pytest.raises(DataError, match=r"letter\.jpg: not a readable image"):
        find_people(tmp_path)


def test_a_portrait_without_a_face_and_a_truncated_one_are_errors(tmp_path, photograph):
    with pytest.raises(DataError, match=r"wall\.png: no face found"):
        load_portrait(save(tmp_path / "wall.png", grey(200, 200)))
    whole = save(tmp_path / "whole.png", photograph).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.png"):
        load_portrait(tmp_path / "half.png")


def test_large_photographs_are_read_smaller_and_upright(tmp_path, photograph, monkeypatch):
    monkeypatch.setattr(portraits, "WORKING_SIDE", 240)
    turned = Image.fromarray(np.rot90(photograph))
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    portrait = load_portrait(tmp_path / "turned.jpg")
    assert portrait.image.shape == (240, 240, 3)
    left_eye, right_eye, _, left_mouth, _ = portrait.face.landmarks
    assert left_eye[0] < right_eye[0]
    assert left_mouth[1] > left_eye[1]


def test_clip_fills_the_frame_moves_and_carries_its_landmarks(tmp_path, photograph):
    person = PortraitPerson("one", (save(tmp_path / "one.png", photograph),))
    clip = film_portrait(person, frames=25, size=256, rng=np.random.default_rng(0))
    assert clip.frames.shape == (25, 256, 256, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.landmarks.shape == (25, 5, 2)
    assert clip.landmarks.dtype == np.float32
    travelled = np.abs(clip.landmarks[-1] - clip.landmarks[0]).max()
    assert 0.5 < travelled < 30
    for index in (0, 12, 24):
        found = detect_faces(clip.frames[index])[0]
        height = found.box[3] - found.box[1]
        assert 0.4 < height / 256 < 0.75
        # MTCNN is the oracle; on a still face it wavers by a pixel or so itself
        assert np.abs(found.landmarks - clip.landmarks[index]).mean() < 3


def test_landmarks_follow_the_picture_exactly(photograph):
    """Dots painted on the landmarks are found where the moved landmarks say."""
    from ltw.synth.sway import Sway, take

    landmarks = detect_faces(photograph)[0].landmarks
    y, x = np.mgrid[:320, :320]
    dots = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 18) for a, b in landmarks)
    painted = np.repeat((255 * dots)[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)
    sway = Sway.sample(np.random.default_rng(1))
    rest = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for seconds in (0.0, 0.7, 1.9):
        frame, moved = take(painted, landmarks, rest, 320, sway.at(seconds))
        for a, b in moved:
            near = np.hypot(x - a, y - b) < 8
            weight = frame[..., 0] * near
            centre = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
            assert np.abs(centre - (a, b)).max() < 0.35


def test_a_clip_repeats_with_its_seed(tmp_path, photograph):
    person = PortraitPerson("one", (save(tmp_path / "one.png", photograph),))
    first, again, other = (
        film_portrait(person, frames=2, size=128, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.frames, again.frames)
    assert (first.frames != other.frames).any()


def test_a_tight_portrait_is_not_padded_by_more_than_it_must(tmp_path, photograph):
    """A head that fills its photograph fills the clip: mirrored heads at the border give away."""
    x0, y0, x1, y1 = (int(v) for v in detect_faces(photograph)[0].box)
    tight = photograph[max(0, y0 - 40) : y1 + 40, max(0, x0 - 40) : x1 + 40]
    person = PortraitPerson("one", (save(tmp_path / "one.png", tight),))
    clip = film_portrait(person, frames=1, size=256, rng=np.random.default_rng(0))
    assert len(detect_faces(clip.frames[0])) == 1


@pytest.mark.portraits
@pytest.mark.skipif(not REAL_PORTRAITS.is_dir(), reason="no portraits: set LTW_PORTRAITS")
@pytest.mark.parametrize(("folder", "count"), [("london", 102), ("congress", 819)])
def test_real_portraits(folder, count):
    people, skips = find_people(REAL_PORTRAITS / folder)
    assert len(people) == count
    assert skips == []
    for person in people[:: count // 3]:
        clip = film_portrait(person, frames=2, rng=np.random.default_rng(0))
        found = detect_faces(clip.frames[1])[0]
        assert np.abs(found.landmarks - clip.landmarks[1]).mean() < 4
