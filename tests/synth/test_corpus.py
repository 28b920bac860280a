"""A corpus on disk: its tree, its splits, its videos and masks, and how it goes on after a cut."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ltw.errors import ConfigError, DataError
from ltw.media.video import read_frames
from ltw.synth.corpus import make_corpus
from ltw.synth.forgeries import DEFAULT_FORGERIES
from ltw.synth.people import film, sample_person

PEOPLE = 8
FRAMES = 3
ARGUMENTS = {
    "frames": FRAMES,
    "size": 192,
    "compressions": ("c23", "c40"),
    "forgeries": ("graphics_swap", "self_blending"),
    "workers": 1,
}


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Pictures of nine rendered people, and three files that are no portraits."""
    folder = tmp_path_factory.mktemp("faces")
    for index in range(PEOPLE + 1):
        rng = np.random.default_rng(index)
        picture = film(sample_person(rng), frames=1, rng=rng).frames[0]
        Image.fromarray(picture).save(folder / f"p{index}.png")
    Image.new("RGB", (200, 200), "grey").save(folder / "wall.png")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    (folder / "letter.jpg").write_text("Dear all,")
    return folder


@pytest.fixture(scope="session")
def corpus(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "out"
    return out, make_corpus(out, faces=faces, **ARGUMENTS)


def files(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def pixels(path: Path):
    return np.stack([frame for _, _, frame in read_frames(path)])


def test_the_tree_is_faceforensics_own(corpus):
    out, _ = corpus
    names = [f"{index:03d}" for index in range(PEOPLE)]
    pairs = [f"{a}_{b}" for a, b in zip(names[::2], names[1::2], strict=True)]
    pairs += [f"{b}_{a}" for a, b in zip(names[::2], names[1::2], strict=True)]
    expected = {"corpus.json", "people.csv", "skipped.csv"}
    expected |= {f"splits/{split}.json" for split in ("train", "val", "test")}
    for compression in ("c23", "c40"):
        expected |= {
            f"original_sequences/portraits/{compression}/videos/{name}.mp4" for name in names
        }
    for forgery in ARGUMENTS["forgeries"]:
        for kind in ("c23", "c40", "masks"):
            expected |= {
                f"manipulated_sequences/{forgery}/{kind}/videos/{pair}.mp4" for pair in pairs
            }
    assert set(files(out)) == expected


def test_splits_hold_every_person_once_and_every_pair_is_forged(corpus):
    out, _ = corpus
    splits = {
        split: json.loads((out / "splits" / f"{split}.json").read_text())
        for split in ("train", "val", "test")
    }
    assert [len(pairs) for pairs in splits.values()] == [2, 1, 1]
    people = [name for pairs in splits.values() for pair in pairs for name in pair]
    assert sorted(people) == [f"{index:03d}" for index in range(PEOPLE)]
    videos = out / "manipulated_sequences" / "graphics_swap" / "c23" / "videos"
    for pairs in splits.values():
        for a, b in pairs:
            assert (videos / f"{a}_{b}.mp4").exists()
            assert (videos / f"{b}_{a}.mp4").exists()


def test_summary_and_skips_say_what_there_is(corpus, faces):
    out, summary = corpus
    assert summary.people == summary.real == PEOPLE
    assert summary.fake == dict.fromkeys(ARGUMENTS["forgeries"], PEOPLE)
    assert summary.written == 2 * PEOPLE + 2 * 3 * PEOPLE
    reasons = dict(summary.skips)
    assert reasons.pop("wall.png") == "no face found"
    assert "1x1" in reasons.pop("dot.png")
    assert reasons.pop("letter.jpg") == "not a readable image"
    ((odd, reason),) = reasons.items()
    assert "odd one out" in reason
    table = pd.read_csv(out / "people.csv", dtype=str)
    assert list(table.columns) == ["name", "source"]
    assert list(table["name"]) == [f"{index:03d}" for index in range(PEOPLE)]
    assert {*table["source"], odd} == {f"p{index}.png" for index in range(PEOPLE + 1)}
    assert dict(pd.read_csv(out / "skipped.csv").itertuples(index=False)) == dict(summary.skips)


@pytest.mark.parametrize("forgery", ARGUMENTS["forgeries"])
def test_videos_decode_and_masks_mark_the_difference(corpus, forgery):
    out, _ = corpus
    fakes = out / "manipulated_sequences" / forgery
    inside, outside = [], []
    for target, donor in (("000", "001"), ("001", "000")):
        real = pixels(out / f"original_sequences/portraits/c23/videos/{target}.mp4")
        fake = pixels(fakes / f"c23/videos/{target}_{donor}.mp4")
        mask = pixels(fakes / f"masks/videos/{target}_{donor}.mp4")
        assert real.shape == fake.shape == mask.shape == (FRAMES, 192, 192, 3)
        assert np.ptp(mask.astype(int), axis=-1).max() <= 6  # grey
        difference = np.abs(real.astype(int) - fake)
        inside.append(difference[mask > 128].mean())
        outside.append(difference[mask < 8].mean())
    assert min(np.array(inside) / np.array(outside)) > 1.5
    assert max(outside) < 4  # the codec's own


def test_stronger_compression_is_smaller(corpus):
    out, _ = corpus
    sizes = {
        compression: sum(p.stat().st_size for p in out.rglob(f"{compression}/videos/*.mp4"))
        for compression in ("c23", "c40")
    }
    assert sizes["c40"] < 0.6 * sizes["c23"]


def test_a_second_call_continues_and_writes_the_same(corpus, faces):
    out, first = corpus
    before = files(out)
    assert make_corpus(out, faces=faces, **ARGUMENTS).written == 0
    lost = [
        "original_sequences/portraits/c40/videos/002.mp4",
        "manipulated_sequences/graphics_swap/masks/videos/003_002.mp4",
        "manipulated_sequences/self_blending/c23/videos/006_007.mp4",
    ]
    for name in lost:
        (out / name).unlink()
    again = make_corpus(out, faces=faces, **ARGUMENTS)
    assert again.written == len(lost)
    assert (again.people, again.fake, again.skips) == (first.people, first.fake, first.skips)
    assert files(out) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 4}, "made with frames = 3, not 4"),
        ({"seed": 1}, "seed = 0, not 1"),
        ({"compressions": ("c23",)}, "compressions"),
        ({"faces": None}, "faces"),
    ],
)
def test_other_parameters_in_the_same_folder_are_refused(corpus, faces, change, message):
    out, _ = corpus
    with pytest.raises(DataError, match=message):
        make_corpus(out, **{"faces": faces, **ARGUMENTS, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people": 4}, "people: 4"),
        ({"people": 7}, "even number"),
        ({"frames": 0}, "frames: 0"),
        ({"size": 126}, "size: 126"),
        ({"size": 201}, "size: 201"),
        ({"seed": -1}, "seed: -1"),
        ({"workers": 0}, "workers: 0"),
        ({"compressions": ("c32",)}, "'c32'; did you mean 'c23'"),
        ({"compressions": ()}, "compressions: none"),
        ({"forgeries": ("learned_swop",)}, "did you mean 'learned_swap'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        make_corpus(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


def test_folders_that_hold_something_else_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="holds files, but no corpus"):
        make_corpus(tmp_path)
    with pytest.raises(DataError, match="is a file"):
        make_corpus(tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_too_few_people_and_missing_faces_are_errors(tmp_path, faces):
    with pytest.raises(DataError, match="10 people asked for, 9 have a face"):
        make_corpus(tmp_path / "a", faces=faces, people=10, workers=1)
    with pytest.raises(DataError, match="no such folder"):
        make_corpus(tmp_path / "b", faces=tmp_path / "nowhere", workers=1)
    (tmp_path / "few").mkdir()
    for name in ("holiday_1.png", "holiday_2.png"):
        (tmp_path / "few" / name).write_bytes((faces / "p0.png").read_bytes())
    with pytest.raises(DataError, match="last underscore are one person"):
        make_corpus(tmp_path / "c", faces=tmp_path / "few", workers=1)
    # a failed call leaves nothing that would stand in a corrected one's way
    assert not any((tmp_path / name).exists() for name in "abc")


def test_people_limits_the_portraits_by_seed(tmp_path, faces):
    arguments = {**ARGUMENTS, "compressions": ("c40",), "forgeries": ("self_blending",)}

    def sources(seed):
        out = tmp_path / f"seed{seed}"
        make_corpus(out, faces=faces, people=6, **{**arguments, "frames": 1, "seed": seed})
        return list(pd.read_csv(out / "people.csv")["source"])

    first, second = sources(0), sources(1)
    assert len(first) == len(second) == 6
    assert first != second


@pytest.mark.slow
def test_rendered_people_in_parallel_are_those_of_one_worker(tmp_path):
    arguments = {"people": 6, "frames": 2, "size": 128, "compressions": ("c23",)}
    make_corpus(tmp_path / "one", workers=1, **arguments)
    make_corpus(tmp_path / "two", workers=2, **arguments)
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert one == two
    for forgery in DEFAULT_FORGERIES:
        assert f"manipulated_sequences/{forgery}/c23/videos/004_005.mp4" in one
    assert "original_sequences/rendered/c23/videos/000.mp4" in one
