"""The DeeperForensics-1.0 reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS, deeperforensics
from ltw.errors import DataError

read = READERS["deeperforensics"]
FILMS = "original_sequences/youtube/c23/videos"
LISTED = {"train": ["000_M101", "001_W002"], "val": ["002_M003"], "test": ["003_W102"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for split, names in LISTED.items():
        touch(tmp_path / "lists" / "splits" / f"{split}.txt")
        lines = [f"{name}.mp4" for name in names]
        (tmp_path / "lists" / "splits" / f"{split}.txt").write_text("\n".join(lines) + "\n")
        for name in names:
            touch(tmp_path / FILMS / f"{name[:3]}.mp4")
            for variant in ("end_to_end", "end_to_end_level_3"):
                touch(tmp_path / "manipulated_videos" / variant / f"{name}.mp4")
    touch(tmp_path / "source_videos/M101/BlendShape/camera_front/M101_BlendShape_camera_front.mp4")
    return tmp_path


def test_a_forgery_is_a_film_with_an_actors_face_in_the_official_split(tree):
    clips = by_name(read(tree))
    assert len(clips) == 4 * 3
    fake = clips["deeperforensics/end_to_end_level_3/unknown/000_M101"]
    assert (fake.label, fake.split, fake.person) == (1, "train", "000")
    assert (fake.donor_person, fake.source_video) == ("M101", "000")
    film = clips["deeperforensics/real/unknown/003"]
    assert (film.label, film.split, film.source_video) == (0, "test", "003")
    assert {clip.split for clip in clips.values() if clip.person == "002"} == {"val"}
    assert not [name for name in clips if "BlendShape" in name]  # not what stands against them


def test_what_is_left_out_is_told(tree, capsys):
    touch(tree / "manipulated_videos/end_to_end/009_M101.mp4", tree / FILMS / "009.mp4")
    touch(tree / "manipulated_videos/end_to_end/frames/000_M101/000.png")
    assert len(read(tree)) == 4 * 3
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped variants that are not there (9): end_to_end_level_1" in told
    assert "in no list, or with other names (2): manipulated_videos/end_to_end/009_M101" in told
    assert len(deeperforensics.VARIANTS) == 11


def test_the_films_are_asked_for(tree):
    for path in (tree / FILMS).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"link the folder original_sequences of your FaceFor"):
        read(tree)


def test_damage_is_told(tree):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["c23"])
    lists = tree / "lists" / "splits"
    (lists / "test.txt").write_text("003_W102.mp4\n000_M101.mp4\n")
    with pytest.raises(DataError, match=r"test.txt, line 2: 000_M101 is in train as well"):
        read(tree)
    (lists / "test.txt").write_text("003_W102.mp4\n000_W103.mp4\n")
    with pytest.raises(DataError, match=r"test.txt, line 2: 000 is in train as well"):
        read(tree)
    (lists / "test.txt").write_text("\x00\xff")
    with pytest.raises(DataError, match=r"test.txt, line 1: .* is not a forgery's name"):
        read(tree)
    (lists / "val.txt").unlink()
    with pytest.raises(DataError, match=r"val.txt is missing"):
        read(tree)
    (lists / "val.txt").touch()
    (lists / "test.txt").write_text("003_W102.mp4\n")
    for path in (tree / "manipulated_videos").rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match="no forgery that the lists name"):
        read(tree)
