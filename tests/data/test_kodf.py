"""The KoDF reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS
from ltw.data.readers.folder import split_by_hash
from ltw.errors import DataError

read = READERS["kodf"]
REAL, FORGED = "original_videos", "synthesized_videos"
# by their hash
TRAIN, TRAIN_2, VAL, TEST = "100002", "100003", "100001", "100005"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    reals = [f"{REAL}/{actor}/{actor}_001.mp4" for actor in (TRAIN, TRAIN_2, VAL, TEST)]
    forged = [f"{FORGED}/dfl/2020-09-01/{TRAIN}/{TRAIN}_{TRAIN_2}_1_0007.mp4"]
    forged += [f"{FORGED}/audio-driven/2020-09-02/{TEST}/{TEST}_{TEST}_5_0001.mp4"]
    touch(*(tmp_path / name for name in reals + forged))
    return tmp_path


def test_names_give_the_actors_and_folders_the_methods(tree):
    assert [split_by_hash(a) for a in (TRAIN, TRAIN_2, VAL, TEST)] == ["train"] * 2 + [
        "val",
        "test",
    ]
    clips = by_name(read(tree))
    assert len(clips) == 6
    swap = clips[f"kodf/dfl/unknown/{TRAIN}_{TRAIN_2}_1_0007"]
    assert (swap.label, swap.split, swap.person, swap.donor_person) == (1, "train", TRAIN, TRAIN_2)
    assert swap.source_video == ""  # which of the actor's clips it shows is not told
    speech = clips[f"kodf/audio-driven/unknown/{TEST}_{TEST}_5_0001"]
    assert (speech.split, speech.person, speech.donor_person) == ("test", TEST, "")
    real = clips[f"kodf/real/unknown/{VAL}_001"]
    assert (real.label, real.split, real.person, real.source_video) == (0, "val", VAL, f"{VAL}_001")


def test_actors_of_two_splits_do_not_meet(tree, capsys):
    touch(tree / FORGED / "fo" / "2020" / TRAIN / f"{TRAIN}_{TEST}_4_0001.mp4")
    touch(tree / FORGED / "fo" / "2020" / TRAIN / "list.csv", tree / REAL / f"{TRAIN}_001.mp4")
    assert len(read(tree)) == 6
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped methods that are not there (3): dffs, fo, fsgan" in told
    assert f"join actors of two splits (1): {FORGED}/fo/2020/{TRAIN}/{TRAIN}_{TEST}_4_0001" in told
    assert "skipped files with other names (2)" in told


def test_both_folders_are_needed(tree, tmp_path):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["raw"])
    (tree / REAL).rename(tree / "elsewhere")
    with pytest.raises(DataError, match=r"original_videos: no video[^$]*ACTOR/ACTOR_NNN.mp4"):
        read(tree)
    (tree / "elsewhere").rename(tree / REAL)
    (tree / FORGED).rename(tree / "elsewhere")
    with pytest.raises(DataError, match="synthesized_videos: no video that can be used"):
        read(tree)
