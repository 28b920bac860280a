"""The DF40 reader, on trees in the layouts of its two parts."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS, faceforensics
from ltw.errors import DataError

read = READERS["df40"]
REAL_FF = "FaceForensics++/original_sequences/youtube/c23/frames"
# pairs of FaceForensics++'s lists: 071_054 train, 881_856 train but val by its hash, 720_672 val,
# 953_974 test; pinned below


def video(home: Path, name: str, pictures: tuple[str, ...] = ("000.png", "012.png")) -> None:
    touch(*(home / name / picture for picture in pictures))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for film in ("071", "054", "881", "856", "720", "672", "953", "974"):
        video(tmp_path / REAL_FF, film)
    for name in ("Celeb-real/frames/id0_0001", "YouTube-real/frames/00043"):
        video(tmp_path / "Celeb-DF-v2", name)
    train, test = tmp_path / "DF40_train", tmp_path / "DF40"
    video(train, "simswap/frames/071_054")
    video(train, "simswap/frames/881_856")
    touch(train / "simswap/landmarks/071_054/000.npy")
    video(train, "wav2lip/frames/720")
    video(train, "StyleGAN2/071", ("seed0188.png", "seed0002.png"))
    video(test, "simswap/ff/frames/953_974")
    video(test, "simswap/cdf/frames/id0_id16_0001")
    video(test, "DiT/ff/953", ("11287.png",))
    video(test, "DiT/cdf/Fake_from_Celeb-real/id0_0001", ("Celeb-real_id0_0001_045.png",))
    video(test, "DiT/cdf/Fake_from_Youtube-real/00043", ("7.png",))
    for label in ("real", "fake"):
        video(test, f"heygen/heygen_new/{label}/frames/0003")
        touch(test / "stargan" / label / label / "00931.jpg")
        touch(test / "stargan" / label / label / "x931.jpg")
    return tmp_path


def test_each_origin_is_a_data_set_with_its_own_genuine_faces(tree):
    clips = by_name(read(tree))
    genuine = {(c.dataset, c.source_video) for c in clips.values() if c.label == 0}
    assert {dataset for dataset, _ in genuine} == {
        *("df40-ff", "df40-cdf", "df40-heygen", "df40-stargan")
    }
    forged = [c for c in clips.values() if c.label == 1]
    assert all((c.dataset, c.source_video) in genuine for c in forged if c.source_video)
    assert {c.domain for c in forged} == {
        *("simswap", "wav2lip", "StyleGAN2", "DiT", "heygen"),
        "stargan",
    }
    assert {c.dataset for c in read(tree, dataset="mine")} == {
        *("mine-ff", "mine-cdf", "mine-heygen", "mine-stargan")
    }


def test_swaps_and_reenactments_show_a_film(tree):
    clips = by_name(read(tree))
    swap = clips["df40-ff/simswap/unknown/071_054"]
    assert (swap.person, swap.donor_person, swap.source_video) == ("071", "054", "071")
    assert (swap.path, swap.frames) == (
        tree / "DF40_train/simswap/frames/071_054",
        ("000.png", "012.png"),
    )
    assert swap.landmarks_path == tree / "DF40_train/simswap/landmarks/071_054"
    celeb = clips["df40-cdf/simswap/unknown/id0_id16_0001"]
    assert (celeb.person, celeb.donor_person, celeb.source_video) == ("id0", "id16", "id0_0001")
    lips = clips["df40-ff/wav2lip/unknown/720"]
    assert (lips.person, lips.donor_person, lips.source_video) == ("720", "", "720")


def test_synthesized_faces_show_nobody(tree):
    clips = by_name(read(tree))
    for name in ("df40-ff/StyleGAN2/unknown/071", "df40-cdf/DiT/unknown/id0_0001"):
        assert (clips[name].person, clips[name].source_video) == ("", "")
    assert clips["df40-ff/StyleGAN2/unknown/071"].frames == ("seed0002.png", "seed0188.png")


def test_single_pictures_are_videos_of_their_own(tree):
    clips = by_name(read(tree))
    picture = clips["df40-stargan/stargan/unknown/00931"]
    assert (picture.label, picture.split, picture.frames) == (1, "test", ("00931.jpg",))
    assert clips["df40-stargan/real/unknown/x931"].source_video == "x931"  # of the same number
    assert clips["df40-heygen/heygen/unknown/0003"].frames == ("000.png", "012.png")


def test_the_split_is_that_of_faceforensics_with_more_in_val(tree):
    official = faceforensics.official_splits()
    assert [official[film] for film in ("071", "881", "720", "953")] == [
        *("train", "train", "val", "test")
    ]
    splits = {c.video.removeprefix("df40-"): c.split for c in read(tree)}
    assert splits["ff/simswap/unknown/071_054"] == splits["ff/real/unknown/054"] == "train"
    assert splits["ff/simswap/unknown/881_856"] == splits["ff/real/unknown/856"] == "val"
    assert splits["ff/wav2lip/unknown/720"] == splits["ff/real/unknown/672"] == "val"
    assert splits["ff/DiT/unknown/953"] == splits["ff/StyleGAN2/unknown/071"].replace(
        "train", "test"
    )
    assert {split for video, split in splits.items() if not video.startswith("ff/")} == {"test"}


def test_what_is_left_out_is_told(tree, capsys):
    video(tree / "DF40_train", "simswap/frames/071_953")  # of train and of test
    video(tree / "DF40", "fomm/frames/953_974")  # of neither origin
    touch(tree / "DF40" / "simswap" / "ff" / "frames" / "953_974" / "cover.png")
    before = {c.video for c in read(tree)}
    told = " ".join(capsys.readouterr().err.split())
    assert "laid out or named otherwise (2): DF40_train/simswap/frames/071_953, DF40/fomm" in told
    assert "without a number of their own (1): DF40/simswap/ff/frames/953_974/cover.png" in told
    assert not [name for name in before if "071_953" in name or "fomm" in name]


def test_genuine_faces_are_asked_for_where_they_are_needed(tree, tmp_path):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["c23"])
    (tree / "Celeb-DF-v2").rename(tree / "elsewhere")
    with pytest.raises(DataError, match=r"no genuine faces for df40-cdf; put DeepfakeBench's"):
        read(tree)
    (tree / "DF40").rename(tree / "DF40_test")
    assert {c.dataset for c in read(tree)} == {"df40-ff"}
    (tree / "DF40_train").rename(tree / "train")
    with pytest.raises(DataError, match=r"no forgery in DF40_train or DF40; expected"):
        read(tree)
