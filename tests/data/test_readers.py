import json
from pathlib import Path

import pandas as pd
import pytest
from known_clips import by_name, deepfake_071_054

from ltw.data.checks.counterparts import counterparts
from ltw.data.readers import READERS, folder
from ltw.errors import DataError
from ltw.types import Clip

read_ff, read_folder = READERS["faceforensics"], READERS["folder"]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The official layout with three real ids: 071 and 054 train together, 953 is for testing."""
    for level in ("c23", "c40"):
        originals = tmp_path / "original_sequences" / "youtube" / level / "videos"
        touch(*(originals / f"{name}.mp4" for name in ("071", "054", "953", "974")))
        for method in ("Deepfakes", "NeuralTextures"):
            fakes = tmp_path / "manipulated_sequences" / method / level / "videos"
            touch(*(fakes / f"{name}.mp4" for name in ("071_054", "054_071", "953_974")))
    touch(tmp_path / "manipulated_sequences" / "Deepfakes" / "masks" / "videos" / "071_054.mp4")
    return tmp_path


def test_faceforensics_records_by_the_official_split(tree):
    clips = by_name(read_ff(tree))
    assert len(clips) == 2 * (4 + 2 * 3)
    fake = clips["faceforensics/Deepfakes/c23/071_054"]
    videos = tree / "manipulated_sequences" / "Deepfakes"
    assert fake == deepfake_071_054(
        path=videos / "c23" / "videos" / "071_054.mp4",
        mask_path=videos / "masks" / "videos" / "071_054.mp4",
    )
    real = clips["faceforensics/real/c40/953"]
    assert (real.label, real.split, real.source_video, real.donor_person) == (0, "test", "953", "")
    assert clips["faceforensics/NeuralTextures/c40/953_974"].split == "test"
    assert clips["faceforensics/NeuralTextures/c40/071_054"].mask_path is None
    genuine = {(c.dataset, c.compression, c.source_video) for c in clips.values() if c.label == 0}
    fakes = [c for c in clips.values() if c.label == 1]
    assert all((c.dataset, c.compression, c.source_video) in genuine for c in fakes)


def test_a_corpus_own_split_comes_first_and_the_rest_is_listed_as_skipped(tree, capsys):
    lists = {"train": [["953", "974"]], "val": [], "test": [["071", "999"]]}
    for split, pairs in lists.items():
        touch(tree / "splits" / f"{split}.json")
        (tree / "splits" / f"{split}.json").write_text(json.dumps(pairs))
    clips = by_name(read_ff(tree, dataset="mine", compressions=["c23"]))
    assert {name: clip.split for name, clip in clips.items()} == {
        "mine/real/c23/953": "train",
        "mine/real/c23/974": "train",
        "mine/real/c23/071": "test",
        "mine/Deepfakes/c23/953_974": "train",
        "mine/NeuralTextures/c23/953_974": "train",
    }
    told = capsys.readouterr().err
    assert "skipped videos whose people are in no split, or in two (5)" in told
    assert "054.mp4" in told
    (tree / "splits" / "val.json").write_text(json.dumps([["071", "000"]]))
    with pytest.raises(DataError, match=r"071 is in the val split as well"):
        read_ff(tree)
    (tree / "splits" / "val.json").write_text("{")
    with pytest.raises(DataError, match=r"val.json.*JSON"):
        read_ff(tree)
    (tree / "splits" / "val.json").unlink()
    with pytest.raises(DataError, match=r"val.json is missing"):
        read_ff(tree)


def test_videos_named_otherwise_or_across_splits_are_listed_as_skipped(tree, capsys):
    touch(tree / "original_sequences" / "youtube" / "c23" / "videos" / "071_x.mp4")
    across = tree / "manipulated_sequences" / "Deepfakes" / "c23" / "videos" / "071_953.mp4"
    touch(across)
    assert len(read_ff(tree)) == 20
    told = capsys.readouterr().err
    assert "skipped videos with other names than the layout's (1): original_sequences" in told
    assert "skipped videos whose people are in no split, or in two (1)" in told


def test_faceshifter_is_one_more_domain(tree):
    touch(tree / "manipulated_sequences" / "FaceShifter" / "c23" / "videos" / "953_974.mp4")
    clip = by_name(read_ff(tree))["faceforensics/FaceShifter/c23/953_974"]
    assert (clip.domain, clip.label, clip.split, clip.person) == ("FaceShifter", 1, "test", "953")
    assert clip.source_video == "953"


@pytest.fixture
def actors(tree: Path) -> Path:
    """The same tree with DeepFakeDetection in it: two films, a forgery each, and one orphan."""
    films = tree / "original_sequences" / "actors" / "c23" / "videos"
    touch(films / "01__exit_phone_room.mp4", films / "02__kitchen_pan.mp4")
    forgeries = tree / "manipulated_sequences" / "DeepFakeDetection"
    names = ("01_02__exit_phone_room__YVGY8LOK", "01_03__exit_phone_room__0A1B2C3D")
    touch(*(forgeries / "c23" / "videos" / f"{name}.mp4" for name in names))
    touch(forgeries / "c23" / "videos" / "04_01__meeting_serious__ZZZZZZZZ.mp4")
    touch(forgeries / "masks" / "videos" / f"{names[0]}.mp4")
    return tree


def test_deepfakedetection_is_a_data_set_of_its_own_for_testing_only(actors, capsys):
    clips = by_name(read_ff(actors))
    of_actors = {name: c for name, c in clips.items() if c.dataset != "faceforensics"}
    assert len(clips) - len(of_actors) == 20  # the youtube videos and their forgeries
    assert {(c.dataset, c.split, c.compression) for c in of_actors.values()} == {
        ("deepfakedetection", "test", "c23")
    }
    folder = actors / "manipulated_sequences" / "DeepFakeDetection"
    name = "01_02__exit_phone_room__YVGY8LOK"
    assert of_actors[f"deepfakedetection/DeepFakeDetection/c23/{name}"] == Clip(
        path=folder / "c23" / "videos" / f"{name}.mp4",
        dataset="deepfakedetection",
        domain="DeepFakeDetection",
        label=1,
        compression="c23",
        video=f"deepfakedetection/DeepFakeDetection/c23/{name}",
        split="test",
        person="01",
        source_video="01__exit_phone_room",
        donor_person="02",
        mask_path=folder / "masks" / "videos" / f"{name}.mp4",
    )
    real = of_actors["deepfakedetection/real/c23/01__exit_phone_room"]
    assert (real.label, real.person, real.source_video) == (0, "01", "01__exit_phone_room")
    found = counterparts(pd.DataFrame(map(vars, of_actors.values())))
    assert found.value_counts().to_dict() == {"source": 2, "any": 1}
    assert capsys.readouterr().err == ""


def test_actors_do_not_join_a_data_set_of_another_name(actors):
    assert {c.dataset for c in read_ff(actors, dataset="mine")} == {
        "mine",
        "mine-deepfakedetection",
    }


def test_actors_videos_with_other_names_are_listed_as_skipped(actors, capsys):
    sequences = actors / "original_sequences", actors / "manipulated_sequences"
    touch(sequences[0] / "actors" / "c23" / "videos" / "071.mp4")
    touch(sequences[1] / "DeepFakeDetection" / "c23" / "videos" / "071_054.mp4")
    touch(sequences[1] / "Deepfakes" / "c23" / "videos" / "01_02__exit_phone_room__YVGY8LOK.mp4")
    assert len(read_ff(actors)) == 25
    told = capsys.readouterr().err
    assert "skipped videos with other names than the layout's (3)" in told
    assert "DeepFakeDetection/c23/videos/071_054.mp4" in told


def test_a_tree_that_is_not_there_is_told_with_the_layout_expected(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    for root, what in ((tmp_path / "gone", "does not exist"), (tmp_path / "empty", "is empty")):
        with pytest.raises(DataError, match=f"{what}[^$]*original_sequences"):
            read_ff(root)
    with pytest.raises(DataError, match=r"no videos at compression raw; it has c23, c40"):
        read_ff(tree, compressions=["raw"])
    with pytest.raises(DataError, match=r"no videos in this folder[^$]*manipulated_sequences"):
        read_ff(tree / "original_sequences")


def test_folder_domains_people_and_splits(tmp_path):
    root = tmp_path / "mine"
    touch(root / "real" / "anna" / "a" / "1.mp4", root / "real" / "anna" / "2.JPG")
    touch(root / "real" / "bob_smiling.png", root / "swap" / "anna" / "1.mp4")
    clips = by_name(read_folder(root))
    assert {name: (c.domain, c.label, c.person) for name, c in clips.items()} == {
        "mine/real/unknown/anna/a/1": ("real", 0, "anna"),
        "mine/real/unknown/anna/2": ("real", 0, "anna"),
        "mine/real/unknown/bob_smiling": ("real", 0, "bob"),
        "mine/swap/unknown/anna/1": ("swap", 1, "anna"),
    }
    assert len({c.split for c in clips.values() if c.person == "anna"}) == 1
    assert clips["mine/swap/unknown/anna/1"].source_video == ""


def test_split_by_hash_is_stable_and_about_70_15_15():
    splits = [folder.split_by_hash(f"person {k}") for k in range(4000)]
    shares = [splits.count(s) / 4000 for s in ("train", "val", "test")]
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.02)
    # pinned: the same on every machine and in every version
    assert [folder.split_by_hash(name) for name in ("bob", "anna", "p1")] == [
        "train",
        "val",
        "test",
    ]


def test_csv_files_give_splits_and_sources(tmp_path, capsys):
    touch(tmp_path / "real" / "x_1.mp4", tmp_path / "swap" / "f_9.mp4", tmp_path / "swap" / "g.mp4")
    (tmp_path / "splits.csv").write_text("file,split\nreal/x_1.mp4,test\nswap/f_9.mp4,test\n")
    (tmp_path / "pairs.csv").write_text("fake,source\nswap/f_9.mp4,real/x_1.mp4\n")
    real, fake = read_folder(tmp_path, dataset="d")
    assert (real.split, fake.split) == ("test", "test")
    assert (fake.source_video, fake.person) == (real.source_video, real.person) == ("x_1", "x")
    assert "skipped files that splits.csv does not name (1): swap/g.mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("splits.csv", "file,split\nreal/a.mp4,dev\n", r"no such split \['dev'\]"),
        ("splits.csv", "file,split\nreal/z.mp4,train\n", r"not there \(1\), first 'real/z.mp4'"),
        ("splits.csv", "path,split\nreal/a.mp4,train\n", r"it must have file and split"),
        ("splits.csv", "", r"cannot be read"),
        ("pairs.csv", "fake,source\nswap/b.mp4,swap/b.mp4\n", r"'swap/b.mp4' is not in 'real'"),
        (
            "pairs.csv",
            "fake,source\n" + "swap/b.mp4,real/a.mp4\n" * 2,
            r"rows that name another row's file \(1\)",
        ),
    ],
)
def test_wrong_csv_files_are_refused(tmp_path, name, text, message):
    touch(tmp_path / "real" / "a.mp4", tmp_path / "swap" / "b.mp4")
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)


def test_loose_files_are_unlabelled_and_said_to_be(tmp_path, capsys):
    touch(tmp_path / "a.mpg", tmp_path / "notes.txt", tmp_path / ".hidden.mp4")
    (clip,) = read_folder(tmp_path, dataset="d")
    assert (clip.domain, clip.label, clip.video) == ("unlabelled", -1, "d/unlabelled/unknown/a")
    told = capsys.readouterr().err
    assert "skipped files of other types (1): notes.txt" in told
    assert "not for training" in told


def test_folders_without_a_real_one_are_not_taken_for_forgeries(tmp_path):
    touch(tmp_path / "london" / "a.jpg")
    with pytest.raises(DataError, match=r"london would count as forgeries"):
        read_folder(tmp_path)
    (tmp_path / "real").mkdir()
    assert [c.label for c in read_folder(tmp_path)] == [1]


def test_a_folder_without_pictures_is_refused(tmp_path):
    touch(tmp_path / "real" / "a.txt")
    with pytest.raises(DataError, match="no videos or photographs"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read_folder(tmp_path / "gone")
    with pytest.raises(DataError, match="no compression levels"):
        read_folder(tmp_path, compressions=["c23"])
