"""The UADFV reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS
from ltw.errors import DataError

read = READERS["uadfv"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    touch(*(tmp_path / name for name in ("real/0000.mp4", "real/0001.mp4", "fake/0000_fake.mp4")))
    return tmp_path


def test_a_forgery_shows_the_film_it_is_named_after_and_all_is_test(tree):
    clips = by_name(read(tree))
    assert {clip.split for clip in clips.values()} == {"test"}
    fake = clips["uadfv/UADFV/unknown/0000_fake"]
    assert (fake.label, fake.person, fake.source_video, fake.donor_person) == (
        1,
        "0000",
        "0000",
        "",
    )
    real = clips["uadfv/real/unknown/0000"]
    assert (real.label, real.person, real.source_video) == (0, "0000", "0000")
    assert set(by_name(read(tree, dataset="mine"))) == {
        *("mine/real/unknown/0000", "mine/real/unknown/0001", "mine/UADFV/unknown/0000_fake")
    }


def test_other_files_are_told_and_missing_folders_refused(tree, capsys):
    touch(
        tree / "fake" / "0001.mp4", tree / "fake" / "0000_fake.txt", tree / "real" / "f" / "0.png"
    )
    assert len(read(tree)) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "skipped files with other names (3): real/f/0.png, fake/0000_fake.txt, fake/0001.mp4"
        in told
    )
    with pytest.raises(DataError, match="but c23 was asked for"):
        read(tree, compressions=["c23"])
    (tree / "fake" / "0000_fake.mp4").unlink()
    with pytest.raises(DataError, match=r"fake: no videos there; expected in [^$]*NNNN_fake.mp4"):
        read(tree)
