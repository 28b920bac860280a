"""Folders of cropped faces in the layout of FaceForensics++."""

import json
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from known_clips import by_name, deepfake_071_054
from PIL import Image

from ltw import cli
from ltw.data.readers import READERS
from ltw.data.store import Store
from ltw.errors import DataError

read = READERS["frames"]


def faces(folder: Path, frames: int = 3) -> None:
    """Pictures that differ by frame (red) and by folder (green and blue)."""
    folder.mkdir(parents=True)
    unique = crc32(str(folder).encode())
    for k in range(frames):
        color = (k, unique & 255, unique >> 8 & 255)
        Image.new("RGB", (8, 8), color).save(folder / f"{folder.name}_{k:04d}.png")


def tree_of(root: Path, crops: str = "mtcnn") -> Path:
    """As the original LTW code has it: 071 and 054 train together, 953 is for testing."""
    for level in ("c23", "c40"):
        for name in ("071", "054", "953"):
            faces(root / "original_sequences" / "youtube" / level / crops / name)
        for method in ("Deepfakes", "NeuralTextures"):
            for name in ("071_054", "054_071", "953_974"):
                faces(root / "manipulated_sequences" / method / level / crops / name)
    return root


@pytest.mark.parametrize("crops", ["mtcnn", "frames", "faces"])
def test_every_folder_is_a_video_of_the_official_split(tmp_path, crops):
    root = tree_of(tmp_path, crops)
    level = root / "manipulated_sequences" / "Deepfakes" / "c23"
    (level / "masks" / "071_054").mkdir(parents=True)
    (level / "landmarks" / "071_054").mkdir(parents=True)
    (level / "videos").mkdir()
    (root / "original_sequences" / "youtube" / "c40" / "masks" / "953").mkdir(parents=True)
    clips = by_name(read(root))
    assert len(clips) == 2 * (3 + 2 * 3)
    assert clips["faceforensics/Deepfakes/c23/071_054"] == deepfake_071_054(
        path=level / crops / "071_054",
        mask_path=level / "masks" / "071_054",
        landmarks_path=level / "landmarks" / "071_054",
        frames=("071_054_0000.png", "071_054_0001.png", "071_054_0002.png"),
    )
    real = clips["faceforensics/real/c40/953"]
    assert (real.label, real.split, real.source_video) == (0, "test", "953")
    assert (real.mask_path, real.landmarks_path) == (None, None)
    assert clips["faceforensics/NeuralTextures/c40/953_974"].mask_path is None


def test_compression_and_name_are_chosen(tmp_path):
    clips = read(tree_of(tmp_path), dataset="mine", compressions=["c40"])
    assert {(clip.dataset, clip.compression) for clip in clips} == {("mine", "c40")}
    with pytest.raises(DataError, match=r"no videos at compression raw; it has c23, c40"):
        read(tmp_path, compressions=["raw"])


def test_what_is_left_out_is_told(tmp_path, capsys):
    crops = tree_of(tmp_path) / "original_sequences" / "youtube" / "c23" / "mtcnn"
    faces(crops / "new__york")
    faces(crops / "9999")
    (crops / "001").mkdir()
    Image.new("RGB", (8, 8)).save(crops / "071" / "cover.png")
    (crops / "054" / "notes.txt").touch()
    assert len(read(tmp_path)) == 18
    told = capsys.readouterr().err
    assert "skipped videos with other names than the layout's (1)" in told
    assert "skipped videos whose people are in no split, or in two (1)" in told
    assert "skipped folders without numbered pictures (1)" in told
    assert "skipped pictures without a number of their own (1)" in told
    assert all(name in told for name in ("new__york", "9999", "mtcnn/001", "071/cover.png"))


def test_mistakes_are_told_with_the_layout_expected(tmp_path):
    with pytest.raises(DataError, match=r"does not exist[^$]*CROPS/A_B"):
        read(tmp_path / "gone")
    level = "original_sequences/youtube/c23"
    (tmp_path / "some" / level / "mtcnn").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no videos in this folder[^$]*CROPS/A_B"):
        read(tmp_path / "some")
    root = tree_of(tmp_path / "two")
    faces(root / level / "dlib" / "071")
    with pytest.raises(DataError, match=r"youtube/c23: crops in dlib and mtcnn"):
        read(root)
    (tmp_path / "bare" / level / "mtcnn" / "071").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no pictures in its 1 folders"):
        read(tmp_path / "bare")


def test_the_command_puts_them_into_a_store_without_a_margin(tmp_path, monkeypatch, capsys):
    def ltw(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["ltw", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    command = ["extract", "frames", tree_of(tmp_path / "ff"), "--store", tmp_path / "store"]
    options = ["--frames", 3, "--size", 8, "--compression", "c23", "--workers", 1]
    assert ltw(*command, *options, "--margin", 2) == 2
    assert "margin is 2, but these faces are cropped already" in capsys.readouterr().err
    assert ltw(*command, *options) == 0
    assert "videos: 9 done" in capsys.readouterr().out
    assert ltw("store", "check", tmp_path / "store") == 0
    assert ltw("store", "info", tmp_path / "store", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["margin"] is None
    store = Store(tmp_path / "store")
    assert len(store) == 3 * 9
    for index, number in enumerate(store.records["frame"]):
        np.testing.assert_array_equal(store.image(index)[..., 0], number)
