"""A store's videos held against the official numbers and names."""

import json
from importlib.resources import files

import pandas as pd
import pytest

from ltw.data.checks.completeness import missing_videos, notes_on_videos
from ltw.data.checks.missing_list import list_missing
from ltw.data.official import official

SPLITS = {
    split: json.loads((files("ltw.data") / "splits" / f"{split}.json").read_text())
    for split in ("train", "val", "test")
}


def table(dataset: str, rows: list[tuple[str, str, str]], level: str = "c23") -> pd.DataFrame:
    """Videos that gave faces; rows of domain, name, split."""
    values = [
        (f"{dataset}/{domain}/{level}/{name}", dataset, domain, level, split, "ok", "")
        for domain, name, split in rows
    ]
    columns = ["video", "dataset", "domain", "compression", "split", "status", "reason"]
    return pd.DataFrame(values, columns=columns)


def faceforensics(*methods: str) -> pd.DataFrame:
    """The films and these methods' forgeries of all 500 pairs, as the official lists name them."""
    rows = []
    for split, pairs in SPLITS.items():
        for a, b in pairs:
            rows += [("real", a, split), ("real", b, split)]
            for method in methods:
                rows += [(method, f"{a}_{b}", split), (method, f"{b}_{a}", split)]
    return table("faceforensics", rows)


METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


def test_faceforensics_has_1000_videos_a_domain_720_140_140():
    numbers = official("faceforensics")
    assert numbers is not None
    for domain in ("real", "FaceShifter", *METHODS):
        sizes = {g.splits: (g.videos, len(g.names)) for g in numbers.subsets if g.domain == domain}
        assert sizes == {("train",): (720,) * 2, ("val",): (140,) * 2, ("test",): (140,) * 2}


def test_nothing_is_noted_of_a_complete_faceforensics():
    assert list(missing_videos(faceforensics(*METHODS))) == []
    assert list(missing_videos(faceforensics(*METHODS, "FaceShifter"))) == []


def test_missing_failed_and_moved_videos_are_named_with_their_reasons():
    videos = faceforensics(*METHODS)
    (a, b), (c, d), (e, f) = SPLITS["test"][:3]
    names = [f"faceforensics/Deepfakes/c23/{x}" for x in (f"{a}_{b}", f"{c}_{d}", f"{e}_{f}")]
    failed, gone, moved = (videos["video"] == name for name in names)
    videos.loc[failed, ["status", "reason"]] = "failed", "no face found"
    videos.loc[moved, "split"] = "train"
    absent, in_train = sorted([f"{c}_{d} (not in the store)", f"{e}_{f} (in train)"])
    assert list(missing_videos(videos[~gone])) == [
        "721 train videos of Deepfakes in faceforensics c23, where there should be 720",
        "missing: 3 of 140 test videos of Deepfakes in faceforensics c23: "
        f"{a}_{b} (no face found), {absent}, {in_train}",
    ]


def test_methods_and_levels_are_noted_apart_and_long_lists_are_cut():
    c40 = table("faceforensics", [("real", "000", "train"), ("Deepfakes", "000_003", "train")])
    c40 = c40.replace({"c23": "c40"})
    notes = list(missing_videos(pd.concat([faceforensics(*METHODS[:3]), c40])))
    assert notes[0] == "faceforensics c23: no video of NeuralTextures"
    assert notes[1] == "faceforensics c40: no video of Face2Face, FaceSwap, NeuralTextures"
    assert notes[2].startswith("missing: 720 of 720 train videos of real in faceforensics c40: ")
    assert len(notes) == 2 + 6


def test_a_corpus_that_borrows_the_layout_is_not_the_data_set():
    borrowed = table("faceforensics", [("real", "p1", "train"), ("learned_swap", "p1_p2", "train")])
    assert list(missing_videos(borrowed)) == []
    borrowed.loc[0, ["status", "reason"]] = "failed", "no such file"
    assert list(missing_videos(borrowed)) == [
        "1 of 2 videos of faceforensics gave no face: p1 (no such file)"
    ]


@pytest.mark.parametrize(
    ("dataset", "totals"),
    [
        ("celeb-df-v1", {"real": 408, "Celeb-DF": 795}),
        ("celeb-df-v2", {"real": 890, "Celeb-DF": 5639}),
        ("dfdc", {"real": 19154, "DFDC": 100000}),
        ("celeb-df-pp", {"real": 890, "GHOST": 200, "LIA": 200, "SadTalker": 300}),
        ("deeperforensics", {"real": 1000, "end_to_end_level_5": 1000}),
        ("ffiw", {"real": 9988, "FFIW": 9988}),
        ("wilddeepfake", {"real": 3805, "WildDeepfake": 3509}),
        ("uadfv", {"real": 49, "UADFV": 49}),
        ("deepfakedetection", {"real": 363, "DeepFakeDetection": 3068}),
    ],
)
def test_published_totals(dataset, totals):
    numbers = official(dataset)
    assert numbers is not None
    for domain, total in totals.items():
        groups = [group for group in numbers.subsets if group.domain == domain]
        assert sum(group.videos for group in groups) == total
        splits = [split for group in groups for split in group.splits]
        assert len(set(splits)) == len(splits)  # no split is counted twice


def test_where_no_names_are_published_failures_are_named_and_the_rest_counted():
    rows = [("real", f"id{n}_0001", "test") for n in range(178)]
    rows += [("Celeb-DF", f"id0_id1_{n}", "test") for n in range(340)]
    rows += [("real", f"{n:05d}", "train") for n in range(712)]
    rows += [("Celeb-DF", f"id2_id3_{n}", "val") for n in range(4000)]
    videos = table("celeb-df-v2", rows, "unknown")
    videos.loc[0, ["status", "reason"]] = "failed", "no such file"
    assert list(missing_videos(videos)) == [
        "missing: 1 of 178 test videos of real in celeb-df-v2: id0_0001 (no such file)",
        "missing: 1299 of 5299 train and val videos of Celeb-DF in celeb-df-v2: which is not known "
        "(forgeries that join a person of train with one of val are left out)",
    ]


def test_notes_on_missing_videos_fold_into_one_line_and_a_file_that_names_all(tmp_path):
    videos = pd.concat(
        [
            faceforensics(*METHODS[:3])[20:],
            table("celeb-df-v2", [("Celeb-DF", "id0_id1_0000", "test")], "unknown"),
        ]
    )
    notes = [note for note in notes_on_videos(videos) if note.missing]
    # 20 videos by name and NeuralTextures as a whole; all but one of Celeb-DF
    line = list_missing(notes, tmp_path)
    assert line == (
        f"official videos missing: {890 + 5639 - 1} of celeb-df-v2, {20 + 1000} of "
        f"faceforensics c23; listed in {tmp_path / 'missing.txt'}"
    )
    listed = (tmp_path / "missing.txt").read_text().splitlines()
    assert "faceforensics c23: no video of NeuralTextures" in listed
    names = [entry for entry in listed if entry.endswith(" (not in the store)")]
    assert len(names) == 20  # not only the first five, as in the sentences
    assert "  339 whose names are not known here" in listed


def test_where_the_list_cannot_be_written_the_line_says_so(tmp_path):
    (tmp_path / "file").touch()
    notes = [note for note in notes_on_videos(faceforensics(*METHODS)[1:]) if note.missing]
    line = list_missing(notes, tmp_path / "file")
    assert line.startswith("official videos missing: 1 of faceforensics c23; ")
    assert "missing.txt cannot be written (" in line
