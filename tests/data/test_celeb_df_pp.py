"""The Celeb-DF++ reader, on trees in its layout."""

from collections import Counter
from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS, celeb_df_pp
from ltw.errors import DataError

read = READERS["celeb-df-pp"]
SWAP, SPEECH = "Celeb-synthesis/FaceSwap", "Celeb-synthesis/TalkingFace"
MOTION = "Celeb-synthesis/FaceReenact"
# by their hash id6 and id9 are val, id0, id1 and id2 train (test_celeb_df pins it)
TESTING = ["1 Celeb-real/id0_0001.mp4", f"0 {SWAP}/GHOST/id0_id6_0001.mp4"]
TESTING += [f"0 {SPEECH}/FLOAT/id0_0001_test_12.mp4"]
TRAINING = [
    "Celeb-real/id1_0000.mp4",
    "YouTube-real/00003.mp4",
    f"{SWAP}/Celeb-DF/id1_id2_0000.mp4",
]
TRAINING += [f"{SWAP}/GHOST/id1_id2_0000.mp4", f"{MOTION}/LIA/id6_id9_0002.mp4"]
TRAINING += [f"{SPEECH}/FLOAT/id1_0000_test_3.mp4"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    touch(*(tmp_path / name for name in [*TRAINING, *(line.split()[1] for line in TESTING)]))
    (tmp_path / "List_of_testing_videos.txt").write_text("\n".join(TESTING))
    return tmp_path


def test_every_method_is_a_domain_and_names_give_people_and_films(tree):
    clips = by_name(read(tree))
    assert len(clips) == len(TESTING) + len(TRAINING)
    swap = clips["celeb-df-pp/GHOST/unknown/id0_id6_0001"]
    assert (swap.label, swap.split, swap.path) == (
        1,
        "test",
        tree / SWAP / "GHOST/id0_id6_0001.mp4",
    )
    assert (swap.person, swap.donor_person, swap.source_video) == ("id0", "id6", "id0_0001")
    motion = clips["celeb-df-pp/LIA/unknown/id6_id9_0002"]
    assert (motion.person, motion.donor_person, motion.split) == ("id6", "id9", "val")
    speech = clips["celeb-df-pp/FLOAT/unknown/id1_0000_test_3"]
    assert (speech.person, speech.donor_person, speech.source_video) == ("id1", "", "id1_0000")
    film = clips["celeb-df-pp/real/unknown/id1_0000"]
    assert (film.label, film.person, film.source_video) == (0, "id1", "id1_0000")
    other = clips["celeb-df-pp/real/unknown/00003"]
    assert (other.label, other.person, other.source_video) == (0, "00003", "00003")
    original = clips["celeb-df-pp/Celeb-DF/unknown/id1_id2_0000"]
    assert (original.split, original.source_video) == ("train", film.source_video)


def test_there_are_22_methods_and_the_original_forgeries_have_two_names(tree):
    assert [len(methods) for methods in celeb_df_pp.SCENARIOS.values()] == [8, 7, 7]
    (tree / SWAP / "Celeb-DF").rename(tree / SWAP / "Celeb-DF-v2")
    assert "celeb-df-pp/Celeb-DF/unknown/id1_id2_0000" in by_name(read(tree))


def test_methods_that_are_not_there_are_told_and_their_test_videos_are_not_missed(tree, capsys):
    gone = f"0 {SWAP}/UniFace/id0_id1_0001.mp4"
    absent = f"0 {SWAP}/GHOST/id0_id1_0009.mp4"
    (tree / "List_of_testing_videos.txt").write_text("\n".join([*TESTING, gone, absent]))
    clips = by_name(read(tree))
    assert "celeb-df-pp/UniFace/unknown/id0_id1_0001" not in clips
    assert not clips["celeb-df-pp/GHOST/unknown/id0_id1_0009"].path.exists()  # to fail, with reason
    told = capsys.readouterr().err
    assert "skipped methods that are not there (18): BlendFace, HifiFace" in told


def test_people_of_train_and_val_do_not_meet(tree, capsys):
    touch(tree / SWAP / "GHOST" / "id6_id1_0002.mp4", tree / SWAP / "GHOST" / "readme.txt")
    clips = read(tree)
    assert len(clips) == len(TESTING) + len(TRAINING)
    people = {
        s: {p for c in clips if c.split == s for p in (c.person, c.donor_person)}
        for s in ("train", "val")
    }
    assert people["train"] & people["val"] <= {""}
    told = " ".join(capsys.readouterr().err.split())
    assert "join a person of train with one of val (1): Celeb-synthesis/FaceSwap/GHOST/id6_" in told
    assert "files with other names (1): Celeb-synthesis/FaceSwap/GHOST/readme.txt" in told
    assert Counter(clip.split for clip in clips)["test"] == len(TESTING)


def test_what_is_missing_is_told_with_the_layout(tree, tmp_path):
    with pytest.raises(DataError, match=r"does not exist[^$]*FaceSwap/METHOD/idX_idY_NNNN.mp4"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match=r"YouTube-real/, Celeb-synthesis/, List_of_testing"):
        read(tree / "Celeb-real")
    with pytest.raises(DataError, match=r"no compression levels to choose from, but c23"):
        read(tree, compressions=["c23"])
    (tree / "List_of_testing_videos.txt").write_text(f"1 Celeb-real/id0_0001.mp4\n0 {SWAP}/Nobody")
    with pytest.raises(DataError, match=r"line 2: '0 Celeb-synthesis/FaceSwap/Nobody' is not"):
        read(tree)
    (tree / "List_of_testing_videos.txt").write_text("\n")
    with pytest.raises(DataError, match=r"names no video"):
        read(tree)
    for path in tree.glob("Celeb-synthesis/*/*/*"):
        path.unlink()
    with pytest.raises(DataError, match=r"no forgery in Celeb-synthesis"):
        read(tree)
