"""The reader of DFDC's preview set, on trees in its layout."""

import json
from pathlib import Path

import pytest
from test_readers import by_name, touch

from ltw.data.readers import READERS
from ltw.data.readers._common import train_or_val
from ltw.errors import DataError
from ltw.types import Clip

read = READERS["dfdc"]

Fields = dict[str, object]


def real(person: str, split: str = "train") -> Fields:
    return {
        "label": "real",
        "set": split,
        "target_id": person,
        "swapped_id": None,
        "augmentations": [],
    }


def fake(target: str, swapped: str, split: str = "train") -> Fields:
    return real(target, split) | {"label": "fake", "swapped_id": swapped}


# by their hash 1002 is val, the others train; pinned below
LISTED: dict[str, Fields] = {
    "original_videos/1003254/1003254_A_001.mp4": real("1003254"),
    "original_videos/1002/1002_B_001.mp4": real("1002"),
    "original_videos/643049/643049_A_001.mp4": real("643049", "test"),
    "method_A/1003254/1003254_A/1260311_1003254_A_001.mp4": fake("1003254", "1260311"),
    "method_A/1003254/1003254_A/1002_1003254_A_001.mp4": fake("1003254", "1002"),
    "method_B/643049/643049_A/700_643049_A_001.mp4": fake("643049", "700", "test"),
}


def make_tree(root: Path, listed: object = LISTED) -> Path:
    touch(*(root / name for name in LISTED))
    (root / "dataset.json").write_text(json.dumps(listed))
    return root


def test_who_goes_to_val_is_pinned():
    people = ("1003254", "1002", "1260311")
    assert [train_or_val(person) for person in people] == ["train", "val", "train"]


def test_sets_people_and_sources_are_taken_from_the_list_and_the_names(tmp_path, capsys):
    clips = by_name(read(make_tree(tmp_path)))
    assert {name.removeprefix("dfdc-preview/"): clip.split for name, clip in clips.items()} == {
        "real/unknown/1003254_A_001": "train",
        "real/unknown/1002_B_001": "val",
        "real/unknown/643049_A_001": "test",
        "method_A/unknown/1260311_1003254_A_001": "train",
        "method_B/unknown/700_643049_A_001": "test",
    }
    assert clips["dfdc-preview/method_B/unknown/700_643049_A_001"] == Clip(
        path=tmp_path / "method_B" / "643049" / "643049_A" / "700_643049_A_001.mp4",
        dataset="dfdc-preview",
        domain="method_B",
        label=1,
        compression="unknown",
        video="dfdc-preview/method_B/unknown/700_643049_A_001",
        split="test",
        person="643049",
        source_video="643049_A_001",
        donor_person="700",
    )
    genuine = clips["dfdc-preview/real/unknown/643049_A_001"]
    assert (genuine.label, genuine.person, genuine.source_video) == (0, "643049", "643049_A_001")
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped forgeries that join a person of train with one of val (1): method_A/" in told


def test_the_list_is_believed_where_a_name_says_otherwise(tmp_path):
    name = "method_B/643049/643049_A/700_643049_A_001.mp4"
    clip = read(make_tree(tmp_path, {name: fake("643049", "999", "test")}))[0]
    assert (clip.person, clip.donor_person, clip.source_video) == ("643049", "999", "")
    without_people: Fields = {"label": "fake", "set": "test"}
    clip = read(make_tree(tmp_path, {name: without_people}))[0]
    assert (clip.person, clip.donor_person, clip.source_video) == ("643049", "700", "643049_A_001")


def test_absent_videos_are_clips_and_unlisted_ones_are_told(tmp_path, capsys):
    make_tree(tmp_path)
    (tmp_path / "original_videos/1003254/1003254_A_001.mp4").unlink()
    touch(tmp_path / "method_A" / "stray.mp4")
    assert len(read(tmp_path)) == 5
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped videos that dataset.json does not name (1): method_A/stray.mp4" in told
    for path in tmp_path.rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match=r"none of the 6 listed videos is there[^$]*method_A"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([], "not a list of videos"),
        ({"original_videos/1/1_A_1.mp4": {"label": "real"}}, r"\('set'\)"),
        ({"original_videos/1/1_A_1.mp4": {"label": "REAL", "set": "train"}}, "the label 'REAL'"),
        ({"original_videos/1/1_A_1.mp4": {"label": "real", "set": "dev"}}, "the set 'dev'"),
        ({"1_2_A_1.mp4": {"label": "fake", "set": "test"}}, "in no method's folder"),
    ],
)
def test_a_damaged_list_is_refused(tmp_path, listed, message):
    with pytest.raises(DataError, match=rf"dataset.json[^$]*{message}[^$]*unpack"):
        read(make_tree(tmp_path, listed))
