"""Every reader on rendered people in its data set's layout: read, extract, check, pair.

What stands against a forgery is told apart by the trees' builders and by the pictures themselves,
not by the readers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ltw.data.extract import extract
from ltw.data.loader import load_batches
from ltw.data.pairing import BatchRows, Pairing
from ltw.data.readers import READERS, dfdc
from ltw.data.store import Store
from ltw.data.store_check import store_check
from ltw.media.video import read_frames
from ltw.synth.corpus import make_corpus
from ltw.types import Batch

pytestmark = pytest.mark.slow

FRAMES, SIZE = 3, 64
SWAP, PASTE, MOUTH = "learned_swap", "graphics_swap", "expression_transfer"
PAIRS = (("000", "001"), ("002", "003"), ("004", "005"))
ACTORS = ("006", "007")
BOTH_WAYS = [(a, b) for pair in PAIRS for a, b in (pair, pair[::-1])]
FILMS = {
    "000": "071",
    "001": "054",
    "002": "720",
    "003": "672",
    "004": "953",
    "005": "974",
}
"""Names in FaceForensics++, of the first pair of its train, val and test lists."""


@dataclass
class Corpus:
    """Films of eight people, and forgeries A_B of each by their pair's other."""

    root: Path

    def film(self, person: str) -> Path:
        return self.root / f"original_sequences/rendered/c23/videos/{person}.mp4"

    def forgery(self, method: str, shown: str, donor: str, kind: str = "c23") -> Path:
        return self.root / f"manipulated_sequences/{method}/{kind}/videos/{shown}_{donor}.mp4"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("every") / "corpus"
    forgeries = (SWAP, PASTE, MOUTH)
    make_corpus(root, people=8, frames=FRAMES, size=160, forgeries=forgeries, workers=1)
    return Corpus(root)


@pytest.fixture(scope="module")
def faceforensics_store(corpus, tmp_path_factory):
    root = tmp_path_factory.mktemp("faceforensics")
    methods = {"Deepfakes": SWAP, "FaceSwap": PASTE, "FaceShifter": MOUTH}
    original, manipulated = root / "original_sequences", root / "manipulated_sequences"
    for person, film in FILMS.items():
        lay(corpus.film(person), original / f"youtube/c23/videos/{film}.mp4")
    for method, forgery in methods.items():
        for a, b in BOTH_WAYS:
            for kind in ("c23", "masks"):
                path = manipulated / f"{method}/{kind}/videos/{FILMS[a]}_{FILMS[b]}.mp4"
                lay(corpus.forgery(forgery, a, b, kind), path)
    for k, (a, b) in enumerate((ACTORS, ACTORS[::-1]), start=1):
        lay(corpus.film(a), original / f"actors/c23/videos/{k:02d}__kitchen.mp4")
        name = f"{k:02d}_{3 - k:02d}__kitchen__ABCD{k}.mp4"
        for kind in ("c23", "masks"):
            path = manipulated / f"DeepFakeDetection/{kind}/videos/{name}"
            lay(corpus.forgery(SWAP, a, b, kind), path)
    return stored("faceforensics", root)


def lay(file: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(file)


def stored(reader: str, root: Path, failures: int = 0) -> Store:
    """Read and extract a tree, every face of every video that is there."""
    clips = READERS[reader](root)
    store = root.with_name(f"{root.name}-store")
    summary = extract(clips, store, frames=FRAMES, size=SIZE, workers=2)
    assert (len(summary.failures), summary.damaged) == (failures, {})
    assert summary.faces == sum(len(c.frames) or FRAMES for c in clips) - failures * FRAMES
    return Store(store)


def assert_sound_and_paired(store: Store, films: Mapping[str, str], fallback: str = "") -> None:
    """Check the store; against each forged video stands the film that ``films`` gives, by name."""
    assert store_check(store.path).problems == []
    records = store.records
    names = records["video"].str.rpartition("/")[2]
    assert set(names[records["label"] == 1]) == set(films)
    faces = np.arange(len(records))
    forged = faces[records["label"] == 1]
    forgeries = sorted(set(records["domain"]) - {"real"})
    pairing = Pairing(records)
    rng = np.random.default_rng(0)
    others = np.array([pairing.counterpart(face, forgeries, rng) for face in forged])
    assert pairing.fallbacks == {
        tier: len(forged) if tier == fallback else 0 for tier in ("person", "any")
    }
    assert names[others].tolist() == names[forged].map(films).tolist()
    assert records["frame"][others].tolist() == records["frame"][forged].tolist()
    (batch,) = load_batches(store, [BatchRows(forged, others)], image_size=SIZE, workers=0)
    assert batch.labels.tolist() == [1] * len(forged)
    assert batch.counterpart_labels.tolist() == [0] * len(forged)
    assert names[others[nearest(batch)]].tolist() == names[others].tolist()
    genuine = faces[names.isin(set(films.values()))]
    back = [pairing.counterpart(face, forgeries, rng) for face in genuine]
    assert names[back].map(films).tolist() == names[genuine].tolist()


def nearest(batch: Batch) -> np.ndarray:
    """Return, for every picture, the counterpart in the batch that resembles it most."""
    distance = (batch.images[:, None] - batch.counterpart_images[None]).abs().mean((2, 3, 4))
    return distance.argmin(1).numpy()


def film_of(video: str) -> str:
    """Return the film A that A_B shows, as FaceForensics++ and DeepFakeDetection name them."""
    shown, _, rest = video.partition("_")
    scene = rest.partition("__")[2].rpartition("__")[0]
    return f"{shown}__{scene}" if scene else shown


def films_of(store: Store) -> dict[str, str]:
    forged = store.records.query("label == 1")["video"].str.rpartition("/")[2]
    return {name: film_of(name) for name in set(forged)}


def test_faceforensics_with_faceshifter_and_deepfakedetection(faceforensics_store):
    store = faceforensics_store
    films = films_of(store)
    assert (films["071_054"], films["01_02__kitchen__ABCD1"]) == ("071", "01__kitchen")
    assert_sound_and_paired(store, films)
    assert store.records.query("label == 1")["has_mask"].all()
    videos = store.records.drop_duplicates("video").groupby(["domain", "split"]).size()
    every_split = {"test": 2, "train": 2, "val": 2}
    assert {domain: videos[domain].to_dict() for domain in videos.index.unique(0)} == {
        "DeepFakeDetection": {"test": 2},
        "Deepfakes": every_split,
        "FaceShifter": every_split,
        "FaceSwap": every_split,
        "real": every_split | {"test": 2 + 2},
    }


def test_celeb_df_with_the_list_of_version_2(corpus, tmp_path):
    root = tmp_path / "Celeb-DF-v2"
    people = dict(zip(FILMS, ("id1", "id3", "id0", "id2", "id6", "id9"), strict=True))
    listed = {"id1": "0007", "id3": "0001"}  # as are the forgeries of each by the other
    takes = dict.fromkeys(people.values(), "0099") | listed
    films = {}
    for person, name in people.items():
        lay(corpus.film(person), root / f"Celeb-real/{name}_{takes[name]}.mp4")
    for a, b in BOTH_WAYS:
        shown, take = people[a], takes[people[a]]
        name = f"{shown}_{people[b]}_{take}"
        lay(corpus.forgery(SWAP, a, b), root / f"Celeb-synthesis/{name}.mp4")
        films[name] = f"{shown}_{take}"
    lay(corpus.film(ACTORS[0]), root / "YouTube-real/00003.mp4")
    official = Path(__file__).with_name("celeb_df_v2_testing_videos.txt")
    lay(official, root / "List_of_testing_videos.txt")
    store = stored("celeb-df", root, failures=518 - 4)
    splits = store.records.groupby("split")["video"].nunique().to_dict()
    assert (set(store.records["dataset"]), splits) == (
        {"celeb-df-v2"},
        {"test": 4, "train": 5, "val": 4},
    )
    assert_sound_and_paired(store, films)


def test_dfdc_in_two_parts(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(dfdc, "TEST_REALS", 2)
    root = tmp_path / "DFDC"
    films = {}
    for k, part in enumerate((PAIRS[:1], PAIRS[1:])):
        listed: dict[str, dict[str, str | None]] = {}
        folder = root / f"dfdc_train_part_{k}"
        for a, b in BOTH_WAYS:
            if (a, b) in part or (b, a) in part:
                film, fake = f"film{a}", f"a{b}"  # names in another order than the films'
                lay(corpus.film(a), folder / f"{film}.mp4")
                lay(corpus.forgery(PASTE, a, b), folder / f"{fake}.mp4")
                listed[f"{film}.mp4"] = {"label": "REAL", "split": "train", "original": None}
                listed[f"{fake}.mp4"] = {"label": "FAKE", "original": f"{film}.mp4"}
                films[fake] = film
        (folder / "metadata.json").write_text(json.dumps(listed))
    store = stored("dfdc", root)
    test = set(store.records.query("split == 'test'")["source_video"])
    assert test == {"film004", "film005"}
    assert_sound_and_paired(store, films)


def test_folder_whose_sources_are_named(corpus, tmp_path):
    films, rows = {}, []
    for k, (a, b) in enumerate(BOTH_WAYS):
        lay(corpus.film(a), tmp_path / f"mine/real/person{a}.mp4")
        lay(corpus.forgery(SWAP, a, b), tmp_path / f"mine/swap/clip{k}.mp4")
        films[f"clip{k}"] = f"person{a}"
        rows.append((f"swap/clip{k}.mp4", f"real/person{a}.mp4"))
    table = pd.DataFrame(rows, columns=["fake", "source"])
    table.to_csv(tmp_path / "mine/pairs.csv", index=False)
    assert_sound_and_paired(stored("folder", tmp_path / "mine"), films)


def test_folder_of_photographs_whose_names_begin_with_the_person(corpus, tmp_path, capsys):
    films = {}
    for a, b in BOTH_WAYS:
        photograph(corpus.film(a), tmp_path / f"mine/real/person{a}_1.png")
        photograph(corpus.forgery(PASTE, a, b), tmp_path / f"mine/swap/person{a}_2.png")
        films[f"person{a}_2"] = f"person{a}_1"
    root = tmp_path / "mine"
    clips = READERS["folder"](root)
    assert "another genuine file of the person 6," in capsys.readouterr().err
    summary = extract(clips, tmp_path / "store", frames=FRAMES, size=SIZE, workers=2)
    assert (summary.done, summary.faces) == (12, 12)
    assert_sound_and_paired(Store(tmp_path / "store"), films, fallback="person")


def photograph(video: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, _, image = next(iter(read_frames(video)))
    Image.fromarray(image).save(path)


@pytest.fixture(scope="module")
def crops(faceforensics_store, tmp_path_factory):
    """``crops(folder, name, "mtcnn")``: the store's crops and what belongs to them, in a tree."""

    def copy(folder: str, name: str, crops: str) -> Path:
        root = tmp_path_factory.mktemp("crops") / "tree"
        for index, face in faceforensics_store.records.iterrows():
            video = face["video"].rpartition("/")[2]
            files = {}
            for what in (crops, "landmarks", "masks"):
                path = root / folder.format(what=what, video=video, sequence=sequence_of(face))
                path.mkdir(parents=True, exist_ok=True)
                files[what] = path / name.format(video=video, frame=face["frame"])
            Image.fromarray(faceforensics_store.image(index)).save(f"{files[crops]}.png")
            np.save(f"{files['landmarks']}.npy", dlib_points(face))
            if face["has_mask"]:
                Image.fromarray(faceforensics_store.mask(index)).save(f"{files['masks']}.png")
        return root

    return copy


def sequence_of(face: pd.Series) -> str:
    if face["domain"] != "real":
        return f"manipulated_sequences/{face['domain']}"
    films = {"faceforensics": "youtube", "deepfakedetection": "actors"}
    return f"original_sequences/{films[face['dataset']]}"


def dlib_points(face: pd.Series) -> np.ndarray:
    """Return 68 points in pixels of the crop, MTCNN's five among them."""
    x0, y0, x1, _ = face["crop"]
    five = (face["landmarks"].reshape(5, 2) - (x0, y0)) * SIZE / (x1 - x0)
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[30], points[48], points[54] = five
    return points


def assert_same_faces(store: Store, original: Store) -> None:
    """Compare two stores' pictures and masks by video and frame, bit for bit."""
    keys = ["dataset", "video", "frame"]
    rows = {tuple(key): k for k, key in enumerate(original.records[keys].to_numpy())}
    assert len(store) == len(original)
    for index, key in enumerate(store.records[keys].to_numpy()):
        np.testing.assert_array_equal(store.image(index), original.image(rows[tuple(key)]))
        mask, written = store.mask(index), original.mask(rows[tuple(key)])
        assert (mask is None) == (written is None)
        if mask is not None and written is not None:
            np.testing.assert_array_equal(mask, written)
        five = dlib_points(original.records.iloc[rows[tuple(key)]])[[36, 42, 30, 48, 54]]
        np.testing.assert_allclose(store.records["landmarks"][index], five.ravel(), atol=1e-3)


def test_plain_frames_as_the_original_code_has_them(crops, faceforensics_store):
    root = crops("{sequence}/c23/{what}/{video}", "{video}_{frame:04d}", "mtcnn")
    store = stored("frames", root)
    assert_sound_and_paired(store, films_of(store))
    assert_same_faces(store, faceforensics_store)


def test_deepfakebench_with_its_lists(crops, faceforensics_store):
    root = crops("rgb/FaceForensics++/{sequence}/c23/{what}/{video}", "{frame:03d}", "frames")
    labels = {"Deepfakes": "FF-DF", "FaceSwap": "FF-FS", "FaceShifter": "FF-FH"}
    labels |= {"faceforensics": "FF-real", "DeepFakeDetection": "DFD_fake"}
    labels |= {"deepfakedetection": "DFD_real"}
    lists: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for (dataset, domain, video, split), faces in faceforensics_store.records.groupby(
        ["dataset", "domain", "video", "split"]
    ):
        label, name = labels[dataset if domain == "real" else domain], video.rpartition("/")[2]
        folder = f"./datasets/rgb/FaceForensics++/{sequence_of(faces.iloc[0])}/c23/frames/{name}"
        files = [f"{folder}/{frame:03d}.png" for frame in faces["frame"]]
        levels = lists.setdefault(dataset, {}).setdefault(label, {}).setdefault(split, {"c23": {}})
        levels["c23"][name] = {"label": label, "frames": files}
    for dataset, listed in lists.items():
        (root / f"{dataset}.json").write_text(json.dumps({dataset: listed}))
    store = stored("deepfakebench", root)
    assert_sound_and_paired(store, films_of(store))
    assert_same_faces(store, faceforensics_store)
