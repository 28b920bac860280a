"""Extraction of what people really have: every file is in the store, or listed with the reason."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from blobs import blob_video, clip_of, detect_squares, frame_of

from ltw import cli, faces
from ltw.data import extract as extraction
from ltw.data.clips import extract_clip
from ltw.data.readers import celeb_df, faceforensics, folder, unread
from ltw.data.store import Parameters, Store
from ltw.media.video import write_video

STILL = [[(32, 32, 32)]] * 6
PARAMETERS = Parameters(frames=3, margin=0, size=64)

pytestmark = pytest.mark.usefixtures("squares_are_faces")


@pytest.fixture
def extract(monkeypatch, capsys, tmp_path):
    """``extract("folder", root)``: exit code, what was said, and the store."""

    def call(dataset: str, root: Path, *options: str):
        words = ["extract", dataset, str(root), "--store", str(tmp_path / "store")]
        monkeypatch.setattr(sys, "argv", ["ltw", *words, "--frames", "2", "--size", "64", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out + err, Store(tmp_path / "store")

    return call


def test_names_that_are_not_utf8_are_stored_as_text(extract, tmp_path):
    root = tmp_path / os.fsdecode(b"mine \xfe")
    blob_video(root / "real" / "anna" / "a.mp4", STILL)
    odd = root / "real" / os.fsdecode(b"\xff\x1b[2J") / os.fsdecode(b"b\xe9.mp4")
    blob_video(odd, [[(20, 20, 30)]] * 6)
    code, said, store = extract("folder", root)
    assert code == 0
    assert "\x1b" not in said
    videos = set(store.records["video"])
    assert videos == {
        r"mine \xfe/real/unknown/anna/a",
        "mine \\xfe/real/unknown/\\xff\x1b[2J/b\\xe9",
    }
    assert len(store) == 4
    code, said, store = extract("folder", root)  # and known again
    assert (code, "2 done before" in said) == (0, True)


def test_swaps_that_are_linked_are_not_left_out(extract, tmp_path):
    blob_video(tmp_path / "mine" / "real" / "a_1.mp4", STILL)
    blob_video(tmp_path / "elsewhere" / "a_2.mp4", [[(20, 20, 30)]] * 6)
    (tmp_path / "mine" / "swap").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "real" / "loop").symlink_to("..")
    code, _, store = extract("folder", tmp_path / "mine")
    assert code == 0
    assert set(store.records["domain"]) == {"real", "swap"}


def test_what_cannot_be_read_is_listed_and_costs_the_exit_code(extract, tmp_path, monkeypatch):
    root = tmp_path / "mine"
    blob_video(root / "real" / "a_1.mp4", STILL)
    (root / "real" / "b_1.mp4").write_text("ffconcat version 1.0\nfile a_1.mp4\n")
    (root / "real" / "c_1.xyz").write_text("?")
    (root / "real" / "secret").mkdir()
    (root / "real" / "d_1.mp4").symlink_to("nowhere")
    real = os.scandir

    def refuse(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may look everywhere
    code, said, store = extract("folder", root)
    assert code == 1
    assert set(store.records["person"]) == {"a"}
    assert "mine/real/unknown/b_1: cannot be decoded" in said
    for name, reason in (("c_1.xyz", "neither"), ("secret", "Permission"), ("d_1.mp4", "nothing")):
        assert f"{root / 'real' / name}: " in said
        assert reason in said
    assert extract("folder", root)[0] == 1  # and again


def test_only_lists_and_landmarks_lie_beside_in_peace(tmp_path):
    for name in ("splits.csv", "metadata.json", "list.txt", "a.npy", "README.md", "tool.exe"):
        (tmp_path / name).write_text("?")
    assert [Path(path).name for path in unread(tmp_path)] == ["tool.exe"]


def test_films_of_other_formats_are_in_the_faceforensics_layout(tmp_path):
    genuine = tmp_path / "original_sequences" / "youtube" / "c23" / "videos"
    forged = tmp_path / "manipulated_sequences" / "Deepfakes" / "c23" / "videos"
    masks = tmp_path / "manipulated_sequences" / "Deepfakes" / "masks" / "videos"
    for path in (genuine / "003.MP4", genuine / "000.avi", forged / "000_003.mkv", masks / "x"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (masks / "000_003.mp4").touch()
    clips = {clip.path.name: clip for clip in faceforensics.read(tmp_path)}
    assert set(clips) == {"003.MP4", "000.avi", "000_003.mkv"}
    assert clips["003.MP4"].video == "faceforensics/real/c23/003"
    assert clips["000_003.mkv"].mask_path == masks / "000_003.mp4"


def test_a_test_video_of_another_format_stays_in_the_test_set(tmp_path):
    names = "Celeb-real/id0_0001.MP4", "Celeb-synthesis/id0_id1_0001.avi", "YouTube-real/1.mp4"
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / celeb_df.TEST_LIST).write_text("1 Celeb-real/id0_0001.mp4\n")
    clips = {clip.path.name: clip.split for clip in celeb_df.read(tmp_path, dataset="mine")}
    assert clips["id0_0001.MP4"] == "test"
    assert "id0_id1_0001.avi" in clips or len(clips) == 2


def test_what_pictures_and_videos_there_are_goes_by_content(tmp_path):
    video = blob_video(tmp_path / "real" / "a.mp4", STILL)
    shutil.move(video, tmp_path / "real" / "a.jpg")
    (clip,) = folder.read(tmp_path)
    part = extract_clip(clip, PARAMETERS)
    assert (part.video.frames_total, len(part.faces)) == (6, 3)


@pytest.mark.parametrize("error", [ValueError, AttributeError, UnicodeDecodeError, RecursionError])
def test_whatever_a_library_raises_is_a_row_of_the_store(tmp_path, monkeypatch, error):
    clip = clip_of(blob_video(tmp_path / "a.mp4", STILL))

    def fail(*_: object, **__: object) -> None:
        raise error(*(("utf-8", b"", 0, 1, "odd") if error is UnicodeDecodeError else ("odd",)))

    monkeypatch.setattr(faces, "detect_faces", fail)
    record = extract_clip(clip, PARAMETERS).video
    assert (record.status, error.__name__ in record.reason) == ("failed", True)


LARGE, SMALL = (4, 30, 40), (64, 36, 22)


def two_people(tmp_path: Path, *masked: tuple[int, int, int]):
    """A forgery of two people, of whom masks show ``masked``, from the third frame on."""
    video = blob_video(tmp_path / "a_b.mp4", [[LARGE, SMALL]] * 6)
    mask = [frame_of()] * 2 + [frame_of(*masked)] * 4
    write_video(tmp_path / "mask.mp4", mask)
    return clip_of(video, domain="swap", mask_path=tmp_path / "mask.mp4")


@pytest.mark.parametrize(
    ("masked", "followed"),
    [([SMALL], SMALL), ([LARGE], LARGE), ([], LARGE), ([LARGE, SMALL], LARGE)],
)
def test_the_altered_person_is_followed_where_a_mask_says_which(tmp_path, masked, followed):
    part = extract_clip(two_people(tmp_path, *masked), PARAMETERS)
    x, y, side = followed
    assert [face.box for face, _, _ in part.faces] == [
        pytest.approx((x, y, x + side, y + side), abs=2)
    ] * 3
    shown = [int(mask.max()) for _, _, mask in part.faces if mask is not None]
    assert [level > 127 for level in shown] == ([False, True, True] if masked else [False] * 3)


def test_limits_reach_extraction(tmp_path):
    clip = clip_of(blob_video(tmp_path / "a.mp4", STILL))
    from ltw.media.limits import Limits

    summary = extraction.extract(
        [clip], tmp_path / "store", frames=2, size=64, limits=Limits(frame_megapixels=0.001)
    )
    assert "0.001 megapixels" in summary.failures[clip.video]
    assert np.isfinite(summary.seconds)


def test_squares_are_what_the_detector_finds():
    assert len(detect_squares(frame_of(LARGE, SMALL))) == 2
