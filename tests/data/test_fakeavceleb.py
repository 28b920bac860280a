"""The FakeAVCeleb reader, on trees in its layout."""

from pathlib import Path

import pytest
from known_clips import by_name
from test_readers import touch

from ltw.data.readers import READERS
from ltw.data.readers.folder import split_by_hash
from ltw.errors import DataError

read = READERS["fakeavceleb"]
HEADER = "source,target1,target2,method,category,type,race,gender,path,"
# by their hash
TRAIN, TRAIN_2, VAL, TEST = "id00076", "id00166", "id00476", "id00391"
ROWS = [
    f"{TRAIN},-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4",
    f"{TEST},-,-,real,A,RealVideo-RealAudio,Asian (East),women,00052.mp4",
    f"{TRAIN},-,-,rtvc,B,RealVideo-FakeAudio,African,men,00109_fake.mp4",
    f"{TRAIN},{TRAIN_2},3,faceswap,C,FakeVideo-RealAudio,African,men,00109_{TRAIN_2}_AAnyug.mp4",
    f"{TRAIN},5,-,wav2lip,C,FakeVideo-RealAudio,African,men,00109_5.mp4",
    f"{TRAIN},5,-,wav2lip,D,FakeVideo-FakeAudio,African,men,00109_5.mp4",
    f"{TRAIN},{VAL},10,wav2lip,D,FakeVideo-FakeAudio,African,men,00109_10_{VAL}_wavtolip.mp4",
]


def file_of(row: str) -> str:
    source, *_, kind, race, gender, name = row.split(",")
    return f"{kind}/{race}/{gender}/{source}/{name}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    touch(*(tmp_path / file_of(row) for row in ROWS))
    return write(tmp_path, ROWS)


def write(root: Path, rows: list[str]) -> Path:
    folders = [f"FakeAVCeleb/{file_of(row).rpartition('/')[0]}" for row in rows]
    lines = [f"{row},{folder}" for row, folder in zip(rows, folders, strict=True)]
    (root / "meta_data.csv").write_text("\n".join([HEADER, *lines]))
    return root


def test_rows_give_person_donor_film_and_method(tree, capsys):
    splits = [split_by_hash(person) for person in (TRAIN, TRAIN_2, VAL, TEST)]
    assert splits == ["train", "train", "val", "test"]
    clips = by_name(read(tree))
    swap = clips[f"fakeavceleb/faceswap/unknown/C_{TRAIN}_00109_{TRAIN_2}_AAnyug"]
    assert (swap.label, swap.split, swap.path) == (1, "train", tree / file_of(ROWS[3]))
    assert (swap.person, swap.donor_person, swap.source_video) == (TRAIN, TRAIN_2, f"{TRAIN}_00109")
    real = clips[f"fakeavceleb/real/unknown/{TRAIN}_00109"]
    assert (real.label, real.source_video) == (0, swap.source_video)
    assert clips[f"fakeavceleb/real/unknown/{TEST}_00052"].split == "test"
    lips = [clips[f"fakeavceleb/wav2lip/unknown/{c}_{TRAIN}_00109_5"] for c in "CD"]
    assert [clip.donor_person for clip in lips] == ["", ""]  # 5 is no person
    assert len(clips) == 5
    told = " ".join(capsys.readouterr().err.split())
    assert "videos whose sound alone is forged (1): RealVideo-FakeAudio/African/men" in told
    assert "join people of two splits (1): FakeVideo-FakeAudio/African/men/id00076/00109_10" in told


def test_absent_videos_are_clips_and_absent_categories_are_told(tree, capsys):
    (tree / file_of(ROWS[3])).unlink()
    touch(tree / "FakeVideo-RealAudio" / "African" / "men" / TRAIN / "other.mp4")
    for row in ROWS[5:]:
        (tree / file_of(row)).unlink()
    (tree / "FakeVideo-FakeAudio").rename(tree / "elsewhere")
    clips = by_name(read(tree))
    assert not clips[f"fakeavceleb/faceswap/unknown/C_{TRAIN}_00109_{TRAIN_2}_AAnyug"].path.exists()
    assert len(clips) == 4
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped videos whose category is not there (2): FakeVideo-FakeAudio/" in told
    assert "videos that meta_data.csv does not name (1): FakeVideo-RealAudio/" in told


def test_damage_is_told(tree, tmp_path):
    with pytest.raises(DataError, match="no compression levels"):
        read(tree, compressions=["c23"])
    write(tree, [*ROWS, f"{TRAIN},-,-,real,A,Video,African,men,1.mp4"])
    with pytest.raises(DataError, match=r"line 9: type 'Video', source 'id00076'"):
        read(tree)
    (tree / "meta_data.csv").write_text("source,path\nid00076,1.mp4")
    with pytest.raises(DataError, match=r"no column target1, method, type, race, gender among sou"):
        read(tree)
    (tree / "meta_data.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"meta_data.csv: cannot be read as CSV"):
        read(tree)
    (tree / "meta_data.csv").unlink()
    with pytest.raises(DataError, match=r"meta_data.csv is missing"):
        read(tree)
    (tree / "RealVideo-RealAudio").rename(tree / "gone")
    with pytest.raises(DataError, match=r"RealVideo-RealAudio is missing; expected in"):
        read(tree)
