"""The WildDeepfake reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS
from ltw.data.readers._common import train_or_val
from ltw.errors import DataError

read = READERS["wilddeepfake"]


def sequence(home: Path, name: str) -> None:
    touch(*(home / name / f"{number}.png" for number in (942, 31, 953)))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for category in ("real_train", "fake_train", "real_test", "fake_test"):
        label = category.split("_")[0]
        for shard in ("1", "11"):
            for number in ("131", "11"):
                sequence(tmp_path, f"{category}/{shard}/{label}/{number}")
    return tmp_path


def test_folders_give_label_split_and_name(tree):
    clips = by_name(read(tree))
    assert len(clips) == 4 * 4
    fake = clips["wilddeepfake/WildDeepfake/unknown/fake_train_1_131"]
    assert (fake.label, fake.split, fake.path) == (1, "train", tree / "fake_train/1/fake/131")
    assert fake.frames == ("31.png", "942.png", "953.png")
    assert (fake.person, fake.source_video) == ("", "")
    assert clips["wilddeepfake/WildDeepfake/unknown/fake_train_11_11"].split == "val"
    real = clips["wilddeepfake/real/unknown/real_test_1_131"]
    assert (real.label, real.split, real.source_video) == (0, "test", "real_test_1_131")


def test_an_archive_is_wholly_in_train_or_in_val(tree):
    archives = [f"{label}_train_{k}" for label in ("real", "fake") for k in (1, 11)]
    assert [train_or_val(name) for name in archives] == ["train", "val"] * 2
    splits = {(*clip.video.split("_")[:3], clip.split) for clip in read(tree)}
    assert len(splits) == 4 * 2


def test_folders_that_unpacking_made_are_skipped(tree, tmp_path):
    wanted = set(by_name(read(tree)))
    home = tmp_path / "copy" / "deepfake_in_the_wild"
    for category in ("real_train", "fake_train", "real_test", "fake_test"):
        label = category.split("_")[0]
        for shard in ("1", "11"):
            for number in ("131", "11"):
                sequence(home, f"{category}/extracted/{shard}/{shard}/{label}/{number}")
    assert set(by_name(read(tmp_path / "copy"))) == wanted


def test_what_is_left_out_is_told(tree, capsys):
    touch(tree / "fake_train" / "1.tar.gz", tree / "fake_train" / "12.tar.gz")
    touch(tree / "real_test" / "1.png", tree / "real_test" / "1" / "real" / "131" / "cover.png")
    for path in (tree / "fake_test").rglob("*.png"):
        path.unlink()
    (tree / "fake_test").rename(tree / "elsewhere")
    assert len(read(tree)) == 3 * 4
    told = " ".join(capsys.readouterr().err.split())
    assert "archives that are not unpacked (1): fake_train/12.tar.gz" in told
    assert "skipped folders that are not there (1): fake_test" in told
    assert "pictures that are in no sequence's folder (1): real_test/1.png" in told
    assert "without a number of their own (1): real_test/1/real/131/cover.png" in told


def test_packed_archives_alone_are_no_data_set(tmp_path):
    touch(tmp_path / "fake_train" / "1.tar.gz", tmp_path / "real_train" / "1.tar.gz")
    with pytest.raises(DataError, match=r"0 sequences, 2 archives that are not unpacked; both"):
        read(tmp_path)
    with pytest.raises(DataError, match="no compression levels"):
        read(tmp_path, compressions=["c23"])
