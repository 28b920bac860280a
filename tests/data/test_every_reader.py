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

from ltw.data.checks.store_check import store_check
from ltw.data.extract import extract
from ltw.data.loader import load_batches
from ltw.data.pairing import BatchRows, Pairing
from ltw.data.readers import READERS, dfdc
from ltw.data.readers.folder import split_by_hash
from ltw.data.store import Store
from ltw.media.video import read_frames
from ltw.synth.corpus import make_corpus
from ltw.types import SPLITS, Batch

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


@pytest.fixture(scope="module")
def named():
    """``named("id{:05d}")``: names for the six, of whose pairs the hash puts one in each split."""

    def choose(pattern: str) -> dict[str, str]:
        names: dict[str, list[str]] = {split: [] for split in SPLITS}
        for number in range(100):
            names[split_by_hash(pattern.format(number))].append(pattern.format(number))
        chosen = [name for split in SPLITS for name in names[split][:2]]
        return dict(zip(FILMS, chosen, strict=True))

    return choose


def every_split(store: Store, videos: int) -> None:
    """Check that every split has as many ``videos``."""
    found = store.records.drop_duplicates("video")["split"].value_counts().to_dict()
    assert found == dict.fromkeys(SPLITS, videos)


def test_celeb_df_pp_with_a_swap_and_a_talking_face(corpus, tmp_path):
    root = tmp_path / "Celeb-DF++"
    # id1 and id3 are tested; by their hash id0 and id2 are train, id6 and id9 val
    people = dict(zip(FILMS, ("id1", "id3", "id0", "id2", "id6", "id9"), strict=True))
    films, testing = {}, []
    for a, b in BOTH_WAYS:
        film = f"{people[a]}_0001"
        swap, speech = f"{people[a]}_{people[b]}_0001", f"{film}_test_7"
        lay(corpus.film(a), root / f"Celeb-real/{film}.mp4")
        lay(corpus.forgery(SWAP, a, b), root / f"Celeb-synthesis/FaceSwap/GHOST/{swap}.mp4")
        lay(corpus.forgery(MOUTH, a, b), root / f"Celeb-synthesis/TalkingFace/FLOAT/{speech}.mp4")
        films |= {swap: film, speech: film}
        if people[a] in ("id1", "id3"):
            testing += [f"1 Celeb-real/{film}.mp4", f"0 Celeb-synthesis/FaceSwap/GHOST/{swap}.mp4"]
            testing += [f"0 Celeb-synthesis/TalkingFace/FLOAT/{speech}.mp4"]
    lay(corpus.film(ACTORS[0]), root / "YouTube-real/00003.mp4")
    (root / "List_of_testing_videos.txt").write_text("\n".join(testing))
    store = stored("celeb-df-pp", root)
    videos = store.records.drop_duplicates("video").groupby(["domain", "split"]).size()
    assert videos["GHOST"].to_dict() == videos["FLOAT"].to_dict() == dict.fromkeys(SPLITS, 2)
    assert_sound_and_paired(store, films)


def test_deeperforensics_in_two_variants(corpus, tmp_path):
    root = tmp_path / "DeeperForensics-1.0"
    films, variants = {}, {"end_to_end": SWAP, "end_to_end_level_5": PASTE}
    for split, pair in zip(SPLITS, PAIRS, strict=True):
        names = {f"{a}_M{b}": (a, b) for a, b in (pair, pair[::-1])}
        for name, (a, b) in names.items():
            lay(corpus.film(a), root / f"original_sequences/youtube/c23/videos/{a}.mp4")
            for variant, method in variants.items():
                lay(corpus.forgery(method, a, b), root / f"manipulated_videos/{variant}/{name}.mp4")
            films[name] = a
        (root / "lists/splits").mkdir(parents=True, exist_ok=True)
        (root / f"lists/splits/{split}.txt").write_text("\n".join(f"{n}.mp4" for n in names))
    store = stored("deeperforensics", root)
    every_split(store, 2 * 3)
    assert_sound_and_paired(store, films)


def test_fakeavceleb_with_its_table(corpus, tmp_path, named):
    root, people = tmp_path / "FakeAVCeleb_v1.2", named("id{:05d}")
    films, rows = {}, []
    for a, b in BOTH_WAYS:
        who, other = people[a], people[b]
        place = "African,men"
        real, fake = "00109.mp4", f"00109_{other}_x.mp4"
        for kind, file, video in (
            ("RealVideo-RealAudio", real, corpus.film(a)),
            ("FakeVideo-RealAudio", fake, corpus.forgery(SWAP, a, b)),
        ):
            lay(video, root / f"{kind}/African/men/{who}/{file}")
        rows += [f"{who},-,-,real,A,RealVideo-RealAudio,{place},{real},"]
        rows += [f"{who},{other},-,faceswap,C,FakeVideo-RealAudio,{place},{fake},"]
        films[f"C_{who}_00109_{other}_x"] = f"{who}_00109"
    header = "source,target1,target2,method,category,type,race,gender,path,"
    (root / "meta_data.csv").write_text("\n".join([header, *rows]))
    store = stored("fakeavceleb", root)
    every_split(store, 2 * 2)
    assert_sound_and_paired(store, films)


def test_uadfv(corpus, tmp_path):
    films = {}
    for a, b in BOTH_WAYS:
        lay(corpus.film(a), tmp_path / f"UADFV/real/0{a}.mp4")
        lay(corpus.forgery(PASTE, a, b), tmp_path / f"UADFV/fake/0{a}_fake.mp4")
        films[f"0{a}_fake"] = f"0{a}"
    store = stored("uadfv", tmp_path / "UADFV")
    assert set(store.records["split"]) == {"test"}
    assert_sound_and_paired(store, films)


def test_deepspeak_with_its_tables(corpus, tmp_path):
    root = tmp_path / "DeepSpeak"
    # of the people of train 2 and 6 are val by their hash
    people = dict(zip(FILMS, ("10", "11", "2", "6", "20", "21"), strict=True))
    films, reals, fakes = {}, ["video-file,identity"], []
    for a, b in BOTH_WAYS:
        who, other = people[a], people[b]
        name = f"facefusion--{other}-{who}--1{b}-1{a}--0"
        films[name] = f"{who}-1{a}"
        lay(corpus.film(a), root / f"archive-0/{films[name]}.mp4")
        lay(corpus.forgery(SWAP, a, b), root / f"archive-1/{name}.mp4")
        reals.append(f"{films[name]}.mp4,{who}")
        fakes.append(f"{name}.mp4,facefusion,{other},{who},1{a}")
    header = "video-file,engine,identity-source,identity-target,recording-target"
    (root / "annotations-real.csv").write_text("\n".join(reals))
    (root / "annotations-fake.csv").write_text("\n".join([header, *fakes]))
    splits = [f"{who},{'test' if who in ('20', '21') else 'train'}" for who in people.values()]
    (root / "annotations-split-def.csv").write_text("\n".join(["identity,split", *splits]))
    store = stored("deepspeak", root)
    every_split(store, 2 * 2)
    assert_sound_and_paired(store, films)


def test_kodf_whose_forgeries_are_paired_by_their_actor(corpus, tmp_path, named):
    root, people = tmp_path / "kodf_release", named("{:06d}")
    films = {}
    for a, b in BOTH_WAYS:
        who, other = people[a], people[b]
        name = f"{who}_{other}_1_0001"
        films[name] = f"{who}_001"
        lay(corpus.film(a), root / f"original_videos/{who}/{films[name]}.mp4")
        lay(corpus.forgery(SWAP, a, b), root / f"synthesized_videos/dfl/2020/{who}/{name}.mp4")
    store = stored("kodf", root)
    every_split(store, 2 * 2)
    assert_sound_and_paired(store, films, fallback="person")


def test_ffiw_with_masks_whose_forgeries_are_paired_with_any_film(corpus, tmp_path):
    root = tmp_path / "FFIW10K-v1-release"
    for split, pair in zip(SPLITS, PAIRS, strict=True):
        for a, b in (pair, pair[::-1]):
            name = f"{split}/{split}_{a}.mp4"
            lay(corpus.film(a), root / f"source/{name}")
            lay(corpus.forgery(SWAP, a, b), root / f"target/{name}")
            lay(corpus.forgery(SWAP, a, b, "masks"), root / f"target_mask/{name}")
    store = stored("ffiw", root)
    every_split(store, 2 * 2)
    assert store.records.query("label == 1")["has_mask"].all()
    assert_sound_and_paired_with_any(store)


def assert_sound_and_paired_with_any(store: Store) -> None:
    """Check the store; against each forged face stands a genuine one, nobody knows whose."""
    assert store_check(store.path).problems == []
    forged = store.records.index[store.records["label"] == 1]
    pairing = Pairing(store.records)
    rng = np.random.default_rng(0)
    domains = sorted(set(store.records["domain"]) - {"real"})
    others = [pairing.counterpart(face, domains, rng) for face in forged]
    assert pairing.fallbacks == {"person": 0, "any": len(forged)}
    assert set(store.records["domain"].iloc[others]) == {"real"}


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


def test_wilddeepfake_in_folders_of_sequences(faceforensics_store, tmp_path):
    root, original, videos = tmp_path / "WildDeepfake", faceforensics_store, {}
    for index, face in original.records.iterrows():
        label = "fake" if face["label"] else "real"
        split = "test" if face["split"] == "test" else "train"
        number = videos.setdefault(face["video"], len(videos))
        shard = {"train": 1, "val": 11, "test": 1}[face["split"]]  # 11 is val by its hash
        folder = root / f"{label}_{split}/{shard}/{label}/{number}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(original.image(index)).save(folder / f"{face['frame']}.png")
    store = stored("wilddeepfake", root)
    numbers = store.records["video"].str.rpartition("_")[2].astype(int)
    assert set(numbers) == set(videos.values())
    names = {number: video for video, number in videos.items()}
    rows = {tuple(key): k for k, key in enumerate(original.records[["video", "frame"]].to_numpy())}
    for index, (number, frame) in enumerate(zip(numbers, store.records["frame"], strict=True)):
        row = rows[names[number], frame]
        np.testing.assert_array_equal(store.image(index), original.image(row))
        assert store.records["split"][index] == original.records["split"][row]
        assert store.records["label"][index] == original.records["label"][row]
    assert_sound_and_paired_with_any(store)


def test_df40_with_its_two_parts_beside_the_films(faceforensics_store, tmp_path):
    root, original = tmp_path / "DF40_all", faceforensics_store
    methods = {"Deepfakes": "simswap", "FaceSwap": "blendface", "FaceShifter": "wav2lip"}
    for index, face in original.records.query("dataset == 'faceforensics'").iterrows():
        video = face["video"].rpartition("/")[2]
        home = root / "FaceForensics++/original_sequences/youtube/c23"
        if face["label"]:
            method = methods[face["domain"]]
            part = f"DF40/{method}/ff" if face["split"] == "test" else f"DF40_train/{method}"
            home = root / part
        for what in ("frames", "landmarks"):
            (home / what / video).mkdir(parents=True, exist_ok=True)
        name = f"{video}/{face['frame']:03d}"
        Image.fromarray(original.image(index)).save(home / f"frames/{name}.png")
        np.save(home / f"landmarks/{name}.npy", dlib_points(face))
    store = stored("df40", root)
    assert set(store.records["dataset"]) == {"df40-ff"}
    every_split(store, 2 * 4)
    assert_sound_and_paired(store, films_of(store))
    assert not store.records["landmarks"].map(np.isnan).map(np.any).any()


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
