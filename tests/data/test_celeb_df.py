"""The Celeb-DF reader, on trees in its layout and with version 2's own test list."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from blobs import blob_video
from test_readers import by_name, touch
from typer.testing import CliRunner

from ltw.cli import app
from ltw.data.checks.missing_list import list_missing
from ltw.data.checks.store_check import store_check
from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.data.readers._common import train_or_val
from ltw.data.store import Store
from ltw.errors import DataError
from ltw.types import Clip

read = READERS["celeb-df"]

# by their hash id6 and id9 are val, id0, id1 and id2 train; pinned below
TESTING = ["1 Celeb-real/id0_0001.mp4", "1 YouTube-real/00170.mp4"]
TESTING += ["0 Celeb-synthesis/id0_id1_0001.mp4", "0 Celeb-synthesis/id0_id6_0003.mp4"]
TRAINING = ["Celeb-real/id0_0003.mp4", "Celeb-real/id6_0002.mp4", "YouTube-real/00003.mp4"]
TRAINING += ["Celeb-synthesis/id1_id2_0000.mp4", "Celeb-synthesis/id6_id9_0002.mp4"]


def make_tree(root: Path, testing: list[str] = TESTING, training: list[str] = TRAINING) -> Path:
    touch(*(root / line.split()[1] for line in testing), *(root / name for name in training))
    for name in ("Celeb-real", "YouTube-real", "Celeb-synthesis"):
        (root / name).mkdir(exist_ok=True)
    (root / "List_of_testing_videos.txt").write_text("\n".join(testing))
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


def test_the_command_line_offers_every_reader():
    refused = CliRunner().invoke(app, ["extract", "zzzz", "somewhere", "--store", "s"])
    assert refused.exit_code == 2
    assert all(name in refused.output for name in READERS)


def test_who_goes_to_val_is_pinned():
    people = [f"id{number}" for number in range(62)]
    assert [person for person in people if train_or_val(person) == "val"] == [
        *("id6", "id9", "id26", "id29", "id30", "id43", "id55", "id58")
    ]


def test_names_give_who_is_shown_and_the_list_gives_the_test_set(tree):
    clips = by_name(read(tree))
    assert {name.removeprefix("celeb-df-v1/"): clip.split for name, clip in clips.items()} == {
        "real/unknown/id0_0001": "test",
        "real/unknown/00170": "test",
        "Celeb-DF/unknown/id0_id1_0001": "test",
        "Celeb-DF/unknown/id0_id6_0003": "test",
        "real/unknown/id0_0003": "train",
        "real/unknown/id6_0002": "val",
        "real/unknown/00003": "train",
        "Celeb-DF/unknown/id1_id2_0000": "train",
        "Celeb-DF/unknown/id6_id9_0002": "val",
    }
    assert clips["celeb-df-v1/Celeb-DF/unknown/id0_id1_0001"] == Clip(
        path=tree / "Celeb-synthesis" / "id0_id1_0001.mp4",
        dataset="celeb-df-v1",
        domain="Celeb-DF",
        label=1,
        compression="unknown",
        video="celeb-df-v1/Celeb-DF/unknown/id0_id1_0001",
        split="test",
        person="id0",
        source_video="id0_0001",
        donor_person="id1",
    )
    real = clips["celeb-df-v1/real/unknown/id0_0001"]
    assert (real.label, real.person, real.source_video) == (0, "id0", "id0_0001")
    other = clips["celeb-df-v1/real/unknown/00170"]
    assert (other.label, other.person, other.source_video) == (0, "00170", "00170")


def test_in_the_list_1_means_real(tree):
    labels = {clip.path.relative_to(tree).as_posix(): clip.label for clip in read(tree)}
    for line in TESTING:
        listed, name = line.split()
        assert labels[name] == 1 - int(listed)
    swapped = [f"{1 - int(line[0])}{line[1:]}" for line in TESTING]
    (tree / "List_of_testing_videos.txt").write_text("\n".join(swapped))
    with pytest.raises(DataError, match=r"line 1: label 0 for Celeb-real.* 1 means real"):
        read(tree)


def test_the_official_list_of_version_2(tmp_path):
    lines = (Path(__file__).parent / "celeb_df_v2_testing_videos.txt").read_text().splitlines()
    # the list's own labels, beside the folders that say real and synthesis in plain words
    assert Counter(
        (line[0], "real" if "-real/" in line else "forged") for line in lines
    ) == Counter({("1", "real"): 178, ("0", "forged"): 340})
    clips = read(make_tree(tmp_path, lines))
    test = [clip for clip in clips if clip.split == "test"]
    assert {clip.dataset for clip in clips} == {"celeb-df-v2"}
    assert Counter(clip.label for clip in test) == {0: 178, 1: 340}
    # what the documentation says of its leaks
    people = {p for clip in test for p in (clip.person, clip.donor_person) if p.startswith("id")}
    films = {clip.source_video for clip in test if clip.label == 0}
    orphans = [clip for clip in test if clip.label and clip.source_video not in films]
    assert (len(people), len(orphans)) == (56, 234)


def test_no_person_of_the_training_part_is_in_both_splits(tmp_path, capsys):
    pairs = [(a, b) for a in range(12) for b in range(12) if a != b]
    training = [f"Celeb-synthesis/id{a}_id{b}_0000.mp4" for a, b in pairs]
    clips = read(make_tree(tmp_path, training=training))
    people: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    for clip in clips:
        people[clip.split] |= {clip.person, clip.donor_person} - {""}
    assert people["val"] == {"id6", "id9"}
    assert not people["train"] & people["val"]
    # 2 people of val with each of the 10 of train, both ways
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped forgeries that join a person of train with one of val (40)" in told
    assert len(clips) == len(TESTING) + len(training) - 40


def test_a_list_of_518_is_version_2_and_a_cut_one_is_not_taken_for_version_1(tmp_path):
    testing = [f"1 YouTube-real/{number:05d}.mp4" for number in range(518)]
    forgeries = [f"Celeb-synthesis/id0_id1_{number:04d}.mp4" for number in range(796)]
    tree = make_tree(tmp_path, testing, forgeries)
    assert {clip.dataset for clip in read(tree)} == {"celeb-df-v2"}
    (tree / "List_of_testing_videos.txt").write_text("\n".join(testing[:400]))
    with pytest.raises(DataError, match=r"names 400 videos, version 2's names 518"):
        read(tree)
    assert {clip.dataset for clip in read(tree, dataset="mine")} == {"mine"}


def test_files_with_other_names_are_told(tree, capsys):
    touch(tree / "Celeb-real" / "readme.txt", tree / "Celeb-synthesis" / "id0_0001.mp4")
    assert len(read(tree)) == len(TESTING) + len(TRAINING)
    told = " ".join(capsys.readouterr().err.split())
    assert "skipped files with other names (2): Celeb-real/readme.txt, Celeb-synthesis/id0" in told
    assert told in words(Path(__file__).parents[2] / "docs" / "datasets" / "celeb-df.md")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no video"),
        ("1 Celeb-real/id0_0001.mp4\n\n0 Celeb-synth", r"line 3: '0 Celeb-synth' is not a label"),
        ("Celeb-real/id0_0001.mp4", r"line 1: .*'1 Celeb-real/id0_0001.mp4'"),
        ("\x00\xff1", r"line 1: .* damaged"),
    ],
)
def test_a_damaged_list_is_refused(tree, text, message):
    (tree / "List_of_testing_videos.txt").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        read(tree)


def test_a_tree_that_is_not_there_or_another_is_told_with_the_layout(tree, tmp_path):
    with pytest.raises(DataError, match=r"does not exist[^$]*Celeb-synthesis/idX_idY_NNNN.mp4"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match=r"Celeb-real/, YouTube-real/, Celeb-synthesis/, List_of"):
        read(tree / "Celeb-real")
    with pytest.raises(DataError, match=r"no compression levels to choose from, but c23"):
        read(tree, compressions=["c23"])
    for path in tree.rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DataError, match=r"no videos in Celeb-real, YouTube-real"):
        read(tree)
    (tree / "List_of_testing_videos.txt").unlink()
    with pytest.raises(DataError, match=r": List_of_testing_videos.txt not there"):
        read(tree)


@pytest.mark.usefixtures("squares_are_faces")
def test_extraction_records_what_is_absent_and_the_check_tells_of_the_leak(tree, tmp_path):
    for path in tree.rglob("*.mp4"):
        path.unlink()
    names = ("Celeb-real/id0_0001", "Celeb-synthesis/id0_id1_0001", "Celeb-real/id0_0003")
    for name, side in zip(names, (32, 27, 22), strict=True):
        blob_video(tree / f"{name}.mp4", [[(32, 32, side)]] * 4)
    store = tmp_path / "store"
    summary = extract(read(tree), store, frames=2, size=64, workers=1)
    assert (summary.done, summary.faces) == (3, 6)
    videos = pd.read_parquet(store / "videos.parquet").set_index("video")
    absent = videos.loc["celeb-df-v1/real/unknown/00170"]
    assert (absent["status"], absent["reason"]) == ("failed", "no such file")
    assert len(summary.failures) == 2
    records = Store(store).records
    assert set(zip(records["domain"], records["split"], strict=True)) == {
        ("real", "test"),
        ("real", "train"),
        ("Celeb-DF", "test"),
    }
    found = store_check(store)
    assert found.problems == ["people in more than one split (1): id0 of celeb-df-v1 (test, train)"]
    assert [note.partition(" videos of ")[0] for note in found.notes] == [
        "missing: 406 of 408",
        "missing: 794 of 795",
    ]
    assert "of real in celeb-df-v1: 00170 (no such file) and 405 more" in found.notes[0]
    # the data set's page shows what is printed
    page = words(Path(__file__).parents[2] / "docs" / "datasets" / "celeb-df.md")
    line = list_missing(found.missing, store)
    listed = (store / "missing.txt").read_text().splitlines()
    shown = [*found.problems, line.replace(str(store), "faces/celeb-df"), "\n".join(listed[:4])]
    assert [text for text in shown if " ".join(text.split()) not in page] == []
    result = CliRunner().invoke(app, ["store", "check", str(store)])
    assert result.exit_code == 1
    assert [text for text in result.output.splitlines() if "note:" in text] == [f"note: {line}"]


def words(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())
