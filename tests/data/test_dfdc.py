"""The DFDC reader, on trees in its layout."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from blobs import blob_video
from test_readers import by_name, touch

from ltw.data.checks.store_check import store_check
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.data.readers._common import train_or_val
from ltw.errors import DataError
from ltw.types import Clip

read = READERS["dfdc"]

REAL = {"label": "REAL", "split": "train", "original": None}


def fake_of(original: str) -> dict[str, str]:
    return {"label": "FAKE", "split": "train", "original": f"{original}.mp4"}


def make_part(root: Path, number: int, videos: Mapping[str, object]) -> Path:
    part = root / f"dfdc_train_part_{number}"
    touch(part / "metadata.json", *(part / f"{name}.mp4" for name in videos))
    (part / "metadata.json").write_text(json.dumps({f"{n}.mp4": v for n, v in videos.items()}))
    return part


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Reals r000 ... r299 over two parts and a forgery of each, named in the opposite order."""
    for part in (0, 1):
        names = [f"r{number:03d}" for number in range(part, 300, 2)]
        fakes = {f"z{999 - int(name[1:])}": fake_of(name) for name in names}
        make_part(tmp_path, part, dict.fromkeys(names, REAL) | fakes)
    return tmp_path


def test_the_test_set_is_the_last_200_reals_by_name_and_what_was_made_from_them(tree, capsys):
    clips = read(tree)
    assert len(clips) == 600
    test = [clip for clip in clips if clip.split == "test"]
    last = {f"r{number}" for number in range(100, 300)}
    assert {clip.path.stem for clip in test if clip.label == 0} == last
    assert {clip.path.stem for clip in test if clip.label} == {
        f"z{999 - number}" for number in range(100, 300)
    }
    assert {clip.source_video for clip in test} == last
    told = " ".join(capsys.readouterr().err.split())
    assert "2 of the 50 training parts" in told
    assert "not the paper's" in told


def test_train_and_val_are_apart_by_original(tree):
    rest = [clip for clip in read(tree) if clip.split != "test"]
    originals = {
        split: {c.source_video for c in rest if c.split == split} for split in ("train", "val")
    }
    assert not originals["train"] & originals["val"]
    assert Counter(clip.split for clip in rest) == {"train": 158, "val": 42}  # pinned
    shares = Counter(train_or_val(f"video{number}") for number in range(4000))
    assert shares["val"] / 4000 == pytest.approx(0.15, abs=0.02)


def test_a_record_names_its_original_and_nobody(tree):
    clips = by_name(read(tree))
    assert clips["dfdc/DFDC/unknown/z700"] == Clip(
        path=tree / "dfdc_train_part_1" / "z700.mp4",
        dataset="dfdc",
        domain="DFDC",
        label=1,
        compression="unknown",
        video="dfdc/DFDC/unknown/z700",
        split="test",
        person="r299",
        source_video="r299",
    )
    real = clips["dfdc/real/unknown/r299"]
    assert (real.label, real.person, real.source_video) == (0, "r299", "r299")


def test_all_50_parts_are_nothing_to_tell(tmp_path, capsys):
    for part in range(50):
        make_part(tmp_path, part, {f"real{part:02d}": REAL})
    assert {clip.split for clip in read(tmp_path)} == {"test"}
    assert capsys.readouterr().err == ""


def test_held_out_videos_with_labels_are_all_test_and_name_no_original(tmp_path, capsys):
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4")
    (tmp_path / "labels.csv").write_text("filename,label\na.mp4,0\nb.mp4,1\n")
    real, fake = read(tmp_path)
    assert (real.video, real.label, real.source_video) == ("dfdc-heldout/real/unknown/a", 0, "a")
    assert (fake.video, fake.label, fake.source_video) == ("dfdc-heldout/DFDC/unknown/b", 1, "")
    assert (real.split, fake.split, fake.person) == ("test", "test", "b")
    assert "skipped videos that labels.csv does not name (1): c.mp4" in capsys.readouterr().err


def test_held_out_videos_may_come_with_is_fake_instead(tmp_path):
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4")
    labels = {"a.mp4": {"is_fake": 0}, "b.mp4": {"is_fake": 1, "augmentations": []}}
    (tmp_path / "metadata.json").write_text(json.dumps(labels))
    clips = read(tmp_path)
    (tmp_path / "metadata.json").unlink()
    (tmp_path / "labels.csv").write_text("filename,label\na.mp4,0\nb.mp4,1\n")
    assert clips == read(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a.mp4": {"label": "REAL"}}', '{"a": {"is_fake": 2}}']
)
def test_damaged_held_out_metadata_is_refused(tmp_path, text):
    touch(tmp_path / "a.mp4")
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=r"metadata.json: not a list of held-out videos"):
        read(tmp_path)


def test_videos_that_no_list_names_are_told(tree, capsys):
    touch(tree / "dfdc_train_part_0" / "stray.mp4", tree / "dfdc_train_part_0" / ".hidden.mp4")
    assert len(read(tree)) == 600
    told = " ".join(capsys.readouterr().err.split())
    assert "that metadata.json does not name (1): dfdc_train_part_0/stray.mp4" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a.mp4": ', r"metadata.json: not a list of videos"),
        ("[1]", r"metadata.json: not a list of videos"),
        ('{"a.mp4": "REAL"}', r"metadata.json: not a list of videos"),
        ('{"a.mp4": {"split": "train"}}', r"\('label'\)"),
        ('{"a.mp4": {"is_fake": 1}}', r"\('label'\)"),
        ('{"a.mp4": {"label": "real"}}', r"a.mp4 has the label 'real'"),
        ('{"a.mp4": {"label": "FAKE"}}', r"a.mp4 is FAKE and its original is None"),
    ],
)
def test_damaged_metadata_is_refused(tree, text, message):
    (tree / "dfdc_train_part_1" / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=rf"dfdc_train_part_1[^$]*{message}[^$]*unpack"):
        read(tree)


@pytest.mark.parametrize("text", ["", "filename,label\na.mp4,2\n", "name,label\na.mp4,1\n"])
def test_damaged_labels_are_refused(tmp_path, text):
    touch(tmp_path / "a.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=r"labels.csv: .* filename and label, 0 or 1"):
        read(tmp_path)


def test_a_tree_that_is_not_there_or_another_is_told_with_the_layout(tree, tmp_path):
    with pytest.raises(DataError, match=r"does not exist[^$]*dfdc_train_part_N/metadata.json"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match=r"A training part belongs into a folder dfdc_train_part_N"):
        read(tree / "dfdc_train_part_0")
    (tmp_path / "other").mkdir()
    touch(tmp_path / "other" / "a.mp4")
    with pytest.raises(DataError, match=r"neither dfdc_train_part_N folders nor labels.csv, meta"):
        read(tmp_path / "other")
    with pytest.raises(DataError, match=r"no compression levels to choose from"):
        read(tree, compressions=["c23"])
    for path in tree.rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match=r"none of the 600 listed videos is there"):
        read(tree)
    (tree / "dfdc_train_part_1" / "metadata.json").unlink()
    with pytest.raises(DataError, match=r"dfdc_train_part_1/metadata.json is missing; unpack"):
        read(tree)


@pytest.mark.usefixtures("squares_are_faces")
def test_extraction_pairs_by_original_and_records_what_is_absent(tmp_path):
    part = make_part(tmp_path / "dfdc", 0, {"r": REAL, "gone": REAL, "f": fake_of("r")})
    (part / "gone.mp4").unlink()
    for name, side in (("r", 32), ("f", 27)):
        blob_video(part / f"{name}.mp4", [[(32, 32, side)]] * 4)
    store = tmp_path / "store"
    summary = extract(read(tmp_path / "dfdc"), store, frames=2, size=64, workers=1)
    assert (summary.done, summary.faces) == (2, 4)
    assert summary.failures == {"dfdc/real/unknown/gone": "no such file"}
    videos = pd.read_parquet(store / "videos.parquet").set_index("video")
    assert videos.loc["dfdc/real/unknown/gone", "status"] == "failed"
    assert store_check(store).problems == []
