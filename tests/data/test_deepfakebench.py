"""DeepfakeBench's lists and tree, in the shapes that its scripts write."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from known_clips import by_name, deepfake_071_054
from PIL import Image

from ltw.data.extract import extract
from ltw.data.readers import READERS
from ltw.data.store import Store
from ltw.errors import DataError
from ltw.types import ONE_LEVEL, Clip

read = READERS["deepfakebench"]
NUMBERS = (0, 14, 29)
FORGERIES = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
}


class Bench:
    """A checkout of DeepfakeBench with data: builds the lists and the pictures that they name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lists = root / "preprocessing" / "dataset_json"
        self.rgb = root / "datasets" / "rgb"

    def video(self, folder: str, label: str, style: str = "./datasets/rgb/{}") -> dict[str, object]:
        """Make the frames in ``folder`` (below rgb) and return their entry in a list."""
        path = self.rgb / folder
        path.mkdir(parents=True, exist_ok=True)
        for number in NUMBERS:
            Image.new("RGB", (8, 8), (number,) * 3).save(path / f"{number:03d}.png")
        files = [style.format(f"{folder}/{number:03d}.png") for number in NUMBERS]
        if "\\" in style:
            files = [file.replace("/", "\\") for file in files]
        return {"label": label, "frames": files[::-1]}  # as os.scandir gives them: in no order

    def save(self, name: str, labels: dict[str, object]) -> Path:
        self.lists.mkdir(parents=True, exist_ok=True)
        path = self.lists / f"{name}.json"
        path.write_text(json.dumps({name: labels}))
        return path


def splits(clips: Sequence[Clip]) -> dict[str, str]:
    return {clip.video: clip.split for clip in clips}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "DeepfakeBench")


def faceforensics(bench: Bench, style: str = "./datasets/rgb/{}") -> None:
    """Films 071 and 054 in train, 953 in test, at c23 and c40, and their forgeries."""

    def domain(label: str, sequence: str, names: dict[str, str]) -> dict[str, object]:
        found: dict[str, dict[str, dict[str, object]]] = {
            split: {"c23": {}, "c40": {}} for split in ("train", "test", "val")
        }
        for name, split in names.items():
            for level in ("c23", "c40"):
                folder = f"FaceForensics++/{sequence}/{level}/frames/{name}"
                found[split][level][name] = bench.video(folder, label, style)
        return dict(found)

    films = {"071": "train", "054": "train", "953": "test"}
    pairs = {"071_054": "train", "953_974": "test"}
    real = domain("FF-real", "original_sequences/youtube", films)
    fakes = {
        label: domain(label, f"manipulated_sequences/{method}", pairs)
        for label, method in FORGERIES.items()
    }
    shifted = {"FF-FH": fakes.pop("FF-FH")}
    bench.save("FaceForensics++", {"FF-real": real} | fakes)
    bench.save("FF-DF", {"FF-real": real, "FF-DF": fakes["FF-DF"]})  # the same videos once more
    bench.save("FaceShifter", {"FF-real": real} | shifted)


def test_every_field_of_faceforensics(bench):
    faceforensics(bench)
    level = bench.rgb / "FaceForensics++" / "manipulated_sequences" / "Deepfakes" / "c23"
    (level / "masks" / "071_054").mkdir(parents=True)
    (level / "landmarks" / "071_054").mkdir(parents=True)
    films = bench.rgb / "FaceForensics++" / "original_sequences" / "youtube"
    (films / "c40" / "masks" / "953").mkdir(parents=True)
    clips = by_name(read(bench.root))
    assert len(clips) == 2 * (3 + 5 * 2)
    assert clips["faceforensics/Deepfakes/c23/071_054"] == deepfake_071_054(
        path=level / "frames" / "071_054",
        mask_path=level / "masks" / "071_054",
        landmarks_path=level / "landmarks" / "071_054",
        frames=("000.png", "014.png", "029.png"),
    )
    real = clips["faceforensics/real/c40/953"]
    assert (real.label, real.split, real.source_video, real.donor_person) == (0, "test", "953", "")
    assert (real.mask_path, real.landmarks_path) == (None, None)
    assert {clip.domain for clip in clips.values()} == {"real", *FORGERIES.values()}


@pytest.mark.parametrize(
    "style",
    ["./datasets/rgb/{}", "{}", r"T:\Some Thesis\DeepfakeBench\datasets\rgb\{}", "/gone/DFDC/{}"],
)
def test_paths_of_whatever_machine_wrote_the_list(bench, style):
    faceforensics(bench, style)
    expected = bench.rgb / "FaceForensics++/original_sequences/youtube/c23/frames/071"
    clip = by_name(read(bench.root))["faceforensics/real/c23/071"]
    assert (clip.path, clip.frames) == (expected, ("000.png", "014.png", "029.png"))
    assert read(bench.lists / "FaceForensics++.json")[0].path.is_dir()


@pytest.mark.parametrize("home", ["rgb", "datasets", "."])
def test_lists_beside_the_data_sets_in_other_homes(bench, tmp_path, home):
    faceforensics(bench)
    root = tmp_path / "other"
    (root / home).mkdir(parents=True)
    (bench.rgb / "FaceForensics++").rename(root / home / "FaceForensics++")
    (bench.lists / "FF-DF.json").rename(root / "FF-DF.json")
    clips = read(root)
    assert len(clips) == 2 * (3 + 2)
    assert all(clip.path.is_dir() for clip in clips)
    assert by_name(read(root / "FF-DF.json")) == by_name(clips)


def test_absolute_paths_that_are_there_are_taken_as_they_are(bench, tmp_path):
    faceforensics(bench, style=f"{bench.rgb}/{{}}")
    alone = (bench.lists / "FF-DF.json").rename(tmp_path / "alone.json")
    assert all(clip.path.is_dir() for clip in read(alone))


def test_videos_are_named_as_by_the_readers_of_the_videos(bench, tmp_path):
    """What ties faces together downstream must not depend on who cropped them."""
    tie = ["dataset", "domain", "video", "person", "source_video", "donor_person", "donor_video"]

    def ties(clips: Sequence[Clip]) -> set[tuple[str, ...]]:
        return {tuple(getattr(clip, name) for name in tie) for clip in clips}

    def touch(*files: str) -> None:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()

    faceforensics(bench)
    films, forged = "ff/original_sequences/{}/{}/videos", "ff/manipulated_sequences/{}/{}/videos"
    for level in ("c23", "c40"):
        touch(*(f"{films.format('youtube', level)}/{n}.mp4" for n in ("071", "054", "953")))
        for method in FORGERIES.values():
            touch(*(f"{forged.format(method, level)}/{n}.mp4" for n in ("071_054", "953_974")))
    actors = {"DFD_real": "01__exit_room", "DFD_fake": "01_02__exit_room__YVGY8LOK"}
    touch(f"{films.format('actors', 'c23')}/{actors['DFD_real']}.mp4")
    touch(f"{forged.format('DeepFakeDetection', 'c23')}/{actors['DFD_fake']}.mp4")
    sequences = {
        "DFD_real": "original_sequences/actors",
        "DFD_fake": "manipulated_sequences/DeepFakeDetection",
    }
    everywhere = {}
    for label, name in actors.items():
        folder = f"FaceForensics++/{sequences[label]}/c23/frames/{name}"
        videos = {"c23": {name: bench.video(folder, label)}}
        everywhere[label] = {"train": videos, "val": videos, "test": videos}
    bench.save("DeepFakeDetection", everywhere)
    ours = read(bench.root)
    assert ties(ours) == ties(READERS["faceforensics"](tmp_path / "ff"))
    assert {c.split for c in ours if c.dataset == "deepfakedetection"} == {"test"}

    celebs = Bench(tmp_path / "celeb")
    listed: dict[str, dict[str, dict[str, object]]] = {
        label: {"train": {}, "val": {}, "test": {}}
        for label in ("CelebDFv1_real", "CelebDFv1_fake")
    }
    parts = {"id0_0001": "Celeb-real", "00007": "YouTube-real", "id0_id1_0001": "Celeb-synthesis"}
    for name, part in parts.items():
        touch(f"cdf/{part}/{name}.mp4")
        label = "CelebDFv1_fake" if part == "Celeb-synthesis" else "CelebDFv1_real"
        folder = f"Celeb-DF-v1/{part}/frames/{name}"
        listed[label]["test"][name] = celebs.video(folder, label)
    lines = [f"{int('real' in part)} {part}/{name}.mp4" for name, part in parts.items()]
    (tmp_path / "cdf" / "List_of_testing_videos.txt").write_text("\n".join(lines))
    celebs.save("Celeb-DF-v1", dict(listed))
    assert ties(read(celebs.root)) == ties(READERS["celeb-df"](tmp_path / "cdf"))

    dfdc = Bench(tmp_path / "dfdc-bench")
    rows = {"aaa": "DFDC_Real", "bbb": "DFDC_Fake"}
    heldout = {
        label: {"train": {}, "val": {}, "test": {n: dfdc.video(f"DFDC/test/frames/{n}", label)}}
        for n, label in rows.items()
    }
    dfdc.save("DFDC", dict(heldout))
    touch("dfdc/aaa.mp4", "dfdc/bbb.mp4")
    (tmp_path / "dfdc" / "labels.csv").write_text("filename,label\naaa.mp4,0\nbbb.mp4,1\n")
    assert ties(read(dfdc.root)) == ties(READERS["dfdc"](tmp_path / "dfdc"))


def test_the_preview_set_and_uadfv(bench):
    preview = {
        "DFDCP_Real": ("original_videos", "1260311_C_001"),
        "DFDCP_FakeA": ("method_A", "1255229_1260311_C_001"),
        "DFDCP_FakeB": ("method_B", "1255229_1260311_D_001"),
    }
    listed = {}
    for label, (part, name) in preview.items():
        videos = {name: bench.video(f"DFDCP/{part}/frames/{name}", label)}
        listed[label] = {"train": {}, "test": videos, "val": videos}
    bench.save("DFDCP", listed)
    uadfv = {"UADFV_Real": ("real", "0003"), "UADFV_Fake": ("fake", "0003_fake")}
    listed = {}
    for label, (part, name) in uadfv.items():
        videos = {name: bench.video(f"UADFV/{part}/frames/{name}", label, "{}")}
        listed[label] = {"train": videos, "test": videos, "val": videos}
    bench.save("UADFV", listed)
    clips = by_name(read(bench.root))
    fake = clips[f"dfdc-preview/method_A/{ONE_LEVEL}/1255229_1260311_C_001"]
    assert (fake.person, fake.donor_person) == ("1260311", "1255229")
    assert fake.source_video == "1260311_C_001"
    real = clips[f"dfdc-preview/real/{ONE_LEVEL}/1260311_C_001"]
    assert (real.person, real.source_video) == ("1260311", "1260311_C_001")
    fake = clips[f"uadfv/UADFV/{ONE_LEVEL}/0003_fake"]
    assert (fake.person, fake.source_video, fake.split) == ("0003", "0003", "test")
    assert clips[f"uadfv/real/{ONE_LEVEL}/0003"].source_video == "0003"


def test_every_video_is_in_one_split_and_test_wins(bench, capsys):
    def celeb(name: str) -> dict[str, object]:
        folder = f"Celeb-DF-v2/Celeb-synthesis/frames/{name}"
        return {name: bench.video(folder, "CelebDFv2_fake")}

    train, tested = celeb("id0_id1_0000"), celeb("id2_id3_0001")
    videos = {"train": train | tested, "val": tested, "test": tested}
    bench.save("Celeb-DF-v2", {"CelebDFv2_fake": videos})
    part = bench.video("DFDC/train/dfdc_train_part_0/frames/ccc", "DFDC_Real")
    held = bench.video("DFDC/test/frames/ddd", "DFDC_Real")
    flawed = held | {"ccc": part}  # one video's entry, where other val splits hold a dict of them
    videos = {"train": {"ccc": part}, "val": flawed, "test": {"ddd": held}}
    bench.save("DFDC", {"DFDC_Real": videos})
    assert splits(read(bench.root)) == {
        f"celeb-df-v2/Celeb-DF/{ONE_LEVEL}/id0_id1_0000": "train",
        f"celeb-df-v2/Celeb-DF/{ONE_LEVEL}/id2_id3_0001": "test",
        f"dfdc/real/{ONE_LEVEL}/ccc": "train",
        f"dfdc-heldout/real/{ONE_LEVEL}/ddd": "test",
    }
    told = capsys.readouterr().err
    assert "celeb-df-v2: videos in several splits of the lists (1); taken for test" in told
    assert "dfdc: videos in several splits of the lists (1); taken for train" in told


def test_compression_is_chosen_where_there_are_levels(bench):
    faceforensics(bench)
    video = {"0003": bench.video("UADFV/real/frames/0003", "UADFV_Real")}
    uadfv = bench.save("UADFV", {"UADFV_Real": {"train": {}, "val": {}, "test": video}})
    clips = read(bench.root, compressions=["c40"])
    assert {clip.compression for clip in clips} == {"c40", ONE_LEVEL}
    with pytest.raises(DataError, match="asked for compression raw; it has c23, c40"):
        read(bench.root, compressions=["raw"])
    with pytest.raises(DataError, match="no levels"):
        read(uadfv, compressions=["c23"])


def test_one_name_is_for_one_data_set(bench):
    faceforensics(bench)
    assert read(bench.root, dataset="mine")[0].video == "mine/Deepfakes/c23/071_054"
    video = {"0003": bench.video("UADFV/real/frames/0003", "UADFV_Real")}
    bench.save("UADFV", {"UADFV_Real": {"train": {}, "val": {}, "test": video}})
    with pytest.raises(DataError, match="'mine' cannot name 2 data sets"):
        read(bench.root, dataset="mine")


def test_what_is_left_out_is_told(bench, capsys):
    faceforensics(bench)
    bench.save(
        "UADFV",
        {
            "UADFV_Real": {
                "test": {
                    "0003": {"label": "UADFV_Real", "frames": ["UADFV/real/frames/0003/000.png"]}
                }
            }
        },
    )
    bench.save(
        "DFDCP",
        {
            "DFDCP_Real": {
                "test": {
                    "strange": bench.video("DFDCP/original_videos/frames/strange", "DFDCP_Real"),
                    "1_2": {"label": "DFDCP_Real", "frames": []},
                }
            }
        },
    )
    bench.save(
        "roop", {"roop_Fake": {"test": {"a": {"label": "roop_Fake", "frames": ["a/0.png"]}}}}
    )
    (bench.root / "train.json").write_text('[["071", "054"]]')
    assert {clip.dataset for clip in read(bench.root)} == {"faceforensics"}
    told = capsys.readouterr().err
    assert f"skipped videos in lists (1): there is no folder UADFV in {bench.root}" in told
    assert "skipped videos with other names than their data set's (1): DFDCP_Real strange" in told
    assert "skipped videos without a frame in their list (1): 1_2" in told
    assert "skipped labels unknown here (1): roop_Fake" in told
    assert "skipped JSON files that are no lists (1)" in told
    assert "train.json" in told


def test_mistakes_are_told_with_what_is_expected(bench, tmp_path):
    with pytest.raises(DataError, match=r"does not exist[^$]*dataset_json"):
        read(bench.root)
    bench.root.mkdir()
    with pytest.raises(DataError, match=r"no list of DeepfakeBench in this folder[^$]*rgb/SET"):
        read(bench.root)
    faceforensics(bench)
    (bench.rgb / "FaceForensics++").rename(tmp_path / "away")
    with pytest.raises(DataError, match=r"no video to take; expected[^$]*rgb/SET"):
        read(bench.root)
    for text in (
        "{",
        '{"UADFV": {"UADFV_Real": {"test": {"0": {"frames": []}}}}}',
        '{"a": {"b": 1}}',
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DataError, match=r"bad.json: not a list of DeepfakeBench's"):
            read(tmp_path / "bad.json")


def test_from_the_tree_into_a_store(bench, tmp_path):
    faceforensics(bench)
    gone = bench.rgb / "FaceForensics++/manipulated_sequences/FaceSwap/c23/frames/071_054"
    for file in gone.iterdir():
        file.unlink()
    (gone.parent / "953_974" / "014.png").unlink()
    clips = read(bench.root, compressions=["c23"])
    summary = extract(clips, tmp_path / "store", frames=3, size=8, workers=1)
    name = "faceforensics/FaceSwap/c23/{}"
    assert summary.failures == {name.format("071_054"): "none of its frames is there"}
    assert summary.damaged == {name.format("953_974"): "frames missing: 1"}
    store = Store(tmp_path / "store")
    assert len(store) == 3 * 12 - 1
    assert set(store.records["frame"]) == set(NUMBERS)
    for index, number in enumerate(store.records["frame"]):
        np.testing.assert_array_equal(store.image(index), number)
