"""The DeepSpeak reader, on trees with its tables."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS
from ltw.errors import DataError

read = READERS["deepspeak"]
# of the people of train 2 is val by its hash, 10 and 11 are train; 20 and 21 are official test
SPLITS = {"10": "train", "11": "train", "2": "train", "20": "test", "21": "test"}
REAL = [("11-4897.mp4", "11"), ("10-4100.mp4", "10"), ("2-7.mp4", "2"), ("20-1.mp4", "20")]
FAKE = [
    ("facefusion--10-11--4100-4897--0.mp4", "facefusion", "10", "11", "4100", "4897"),
    ("wav2lip--21-20--5-1--0.mp4", "wav2lip", "21", "20", "5", "1"),
    ("facefusion--2-11--7-4897--0.mp4", "facefusion", "2", "11", "7", "4897"),
    ("facefusion--20-11--1-4897--0.mp4", "facefusion", "20", "11", "1", "4897"),
]


def write(root: Path, fakes: list[tuple[str, ...]] = FAKE) -> None:
    header = "video-file,engine,identity-source,identity-target,recording-source,recording-target"
    fake = "\n".join([f"{header},kind", *(f"{','.join(row)},face-swap" for row in fakes)])
    (root / "annotations-fake.csv").write_text(fake)
    real = "\n".join(["video-file,identity,age", *(f"{','.join(row)},33" for row in REAL)])
    (root / "annotations-real.csv").write_text(real)
    lines = [f"{who},{split}" for who, split in SPLITS.items()]
    (root / "annotations-split-def.csv").write_text("\n".join(["identity,split", *lines]))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    names = [name for name, *_ in [*REAL, *FAKE]]
    touch(*(tmp_path / f"part-{k % 2}" / "videos" / name for k, name in enumerate(names)))
    write(tmp_path)
    return tmp_path


def test_tables_give_people_recordings_engines_and_the_split(tree, capsys):
    clips = by_name(read(tree))
    assert len(clips) == 4 + 2
    swap = clips["deepspeak-v1/facefusion/unknown/facefusion--10-11--4100-4897--0"]
    assert (swap.label, swap.split, swap.person, swap.donor_person) == (1, "train", "11", "10")
    real = clips["deepspeak-v1/real/unknown/11-4897"]
    assert (real.label, real.person, real.source_video) == (0, "11", swap.source_video)
    assert clips["deepspeak-v1/real/unknown/2-7"].split == "val"
    assert clips["deepspeak-v1/wav2lip/unknown/wav2lip--21-20--5-1--0"].split == "test"
    told = " ".join(capsys.readouterr().err.split())
    assert "people are in no split, or in two (2): facefusion--2-11--7-4897--0.mp4" in told


def test_version_2_names_forgeries_otherwise(tree):
    touch(tree / "diff2lip-6868-4897-playht.mp4")
    write(tree, [("diff2lip-6868-4897-playht", "diff2lip", "10", "11", "6868", "4897")])
    clips = by_name(read(tree))
    assert "deepspeak-v2/diff2lip/unknown/diff2lip-6868-4897-playht" in clips
    assert {clip.dataset for clip in read(tree, dataset="mine")} == {"mine"}


def test_archives_that_are_not_unpacked_are_told(tree, capsys):
    (tree / "part-0" / "videos" / "11-4897.mp4").unlink()
    touch(tree / "part-0" / "videos" / "extra.mp4")
    assert len(read(tree)) == 3 + 2
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped listed videos that are not there (1): 11-4897.mp4" in told
    assert "skipped videos that no table names (1): extra.mp4" in told
    for path in tree.rglob("*--*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match=r"3 of the 8 listed videos can be used.*unpack more"):
        read(tree)


def test_damage_is_told(tree):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["c23"])
    (tree / "annotations-split-def.csv").write_text("identity,split\n10,dev")
    with pytest.raises(DataError, match=r"split-def.csv, line 2: split 'dev'; it is train or te"):
        read(tree)
    (tree / "annotations-split-def.csv").unlink()
    with pytest.raises(DataError, match=r"annotations-split-def.csv is missing"):
        read(tree)
