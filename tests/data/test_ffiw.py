"""The FFIW-10K reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.checks.counterparts import counterparts
from ltw.data.readers import READERS
from ltw.errors import DataError

read = READERS["ffiw"]
RELEASE = "FFIW10K-v1-release"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        for folder in ("source", "target", "target_mask"):
            touch(tmp_path / RELEASE / folder / split / f"{split}_00000000.mp4")
    return tmp_path


def test_folders_give_label_and_split_and_masks_lie_beside(tree):
    home = tree / RELEASE
    clips = by_name(read(home))
    assert {name: clip.split for name, clip in clips.items()} == {
        f"ffiw/{domain}/unknown/{split}_00000000": split
        for domain in ("real", "FFIW")
        for split in ("train", "val")
    }
    fake = clips["ffiw/FFIW/unknown/val_00000000"]
    assert (fake.label, fake.mask_path) == (1, home / "target_mask/val/val_00000000.mp4")
    assert (fake.person, fake.source_video, fake.donor_person) == ("", "", "")
    real = clips["ffiw/real/unknown/val_00000000"]
    assert (real.label, real.mask_path, real.source_video) == (0, None, "val_00000000")


def test_the_archive_of_the_test_split_lies_beside(tree, capsys):
    read(tree)
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped folders without a video (2): source/test, target/test" in told
    # an archive in a folder of its own name, without masks, names without the split
    test = tree / "FFIW10K-v1-release-test" / "FFIW10K-v1-release-test"
    touch(test / "source/test/1.mp4", test / "target/test/1.mp4", test / "target/test/notes.txt")
    clips = by_name(read(tree))
    assert len(clips) == 6
    fake = clips["ffiw/FFIW/unknown/test_1"]
    assert (fake.split, fake.mask_path) == ("test", None)
    told = " ".join(capsys.readouterr().err.split())
    assert "files that are no videos (1): FFIW10K-v1-release-test/FFIW10K" in told
    assert "without a video" not in told


def test_forgeries_are_paired_with_any_film(tree):
    import pandas as pd

    found = counterparts(pd.DataFrame([vars(clip) for clip in read(tree)]))
    assert set(found) == {"any"}


def test_genuine_and_forged_are_needed(tree, tmp_path):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["c40"])
    for path in (tree / RELEASE / "source").rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match=r"no videos in source/train, source/val, source/test, tar"):
        read(tree)
