"""What is drawn for every video, the sidecar that tells it, and the store that it comes to."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ltw.data.extract import extract
from ltw.data.readers.faceforensics import read
from ltw.data.store import Store
from ltw.errors import ConfigError, DataError
from ltw.media.video import read_frames
from ltw.synth.casting import Actor
from ltw.synth.conditions import draw_condition, truths_table
from ltw.synth.corpus import _write_splits, make_corpus
from ltw.synth.detections import BAD_DETECTIONS
from ltw.synth.failures import FAILURES
from ltw.synth.people import film, sample_person
from ltw.synth.plan import CorpusPlan

PLAN = CorpusPlan(
    faces=None,
    people=6,
    frames=4,
    compressions=("c23",),
    forgeries=("graphics_swap", "self_blending"),
    size=160,
    seed=0,
    quality="varied",
    failures=0.2,
    bad_detections=0.1,
)
ACTORS = [Actor(f"{n:03d}", "rendered") for n in range(300)]
PAIRS = list(zip(ACTORS[::2], ACTORS[1::2], strict=True))


def table(**changes) -> pd.DataFrame:
    return truths_table(replace(PLAN, **changes), PAIRS)


def test_strengths_and_shares_are_those_asked_for():
    rows = table()
    videos = rows.groupby(["domain", "video"]).agg(list)
    fakes = videos.drop("real")
    failed = fakes["failure"].map(lambda kinds: bool(set(kinds) & set(FAILURES)))
    assert failed.mean() == pytest.approx(0.2, abs=0.05)
    kinds = Counter(rows["failure"])
    assert set(kinds) == {"", *FAILURES, *BAD_DETECTIONS}
    for domain in ("real", "graphics_swap"):
        bad = rows[rows["domain"] == domain]["failure"].isin(BAD_DETECTIONS)
        assert bad.mean() == pytest.approx(0.1, abs=0.03)
    reals = rows[rows["domain"] == "real"]
    assert set(reals["quality"]) == {0.0, 1.0}
    assert not set(reals["failure"]) & set(FAILURES)
    assert (rows["quality"] == 0).equals(rows["failure"] != "")
    sound = rows[(rows["domain"] != "real") & (rows["failure"] == "")]["quality"]
    assert 0.1 <= sound.min() < 0.15
    assert 0.85 < sound.max() <= 0.91
    assert sound.mean() == pytest.approx(0.505, abs=0.05)  # evenly spread
    boxes = rows[["x0", "y0", "x1", "y1"]] != ""
    assert boxes.all(axis=1).equals(rows["failure"].isin(["cut off", "no face"]))


def test_conditions_depend_on_the_video_alone():
    assert table().equals(table())
    assert not table().equals(table(seed=1))
    fewer = table(forgeries=("self_blending",))
    same = table()[table()["domain"] != "graphics_swap"].reset_index(drop=True)
    assert fewer.equals(same)


def test_fixed_quality_is_full_strength():
    fixed = replace(PLAN, quality="fixed", failures=0.0, bad_detections=0.0)
    assert not fixed.varies
    condition = draw_condition(fixed, *ACTORS[:2], "graphics_swap")
    assert (condition.strength, condition.failure, set(condition.bad)) == (1.0, "", {""})
    assert all(replace(fixed, **{name: 0.1}).varies for name in ("failures", "bad_detections"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    faces = tmp_path_factory.mktemp("faces")
    for index in range(6):
        rng = np.random.default_rng(index)
        picture = film(sample_person(rng), frames=1, rng=rng).frames[0]
        Image.fromarray(picture).save(faces / f"p{index}.png")
    out = tmp_path_factory.mktemp("corpus") / "out"
    arguments = {
        "faces": faces,
        "frames": PLAN.frames,
        "size": PLAN.size,
        "forgeries": PLAN.forgeries,
        "quality": "varied",
        "failures": 0.5,
        "bad_detections": 0.3,
        "workers": 1,
    }
    make_corpus(out, **arguments)
    return out, arguments


@pytest.mark.slow
def test_the_sidecar_comes_to_the_records(corpus, tmp_path):
    out, _ = corpus
    clips = read(out)
    assert all(len(clip.truths) == PLAN.frames for clip in clips)
    extract(clips, tmp_path / "store", frames=PLAN.frames, size=64, workers=1)
    records = Store(tmp_path / "store").records
    told = pd.read_csv(out / "truths.csv", keep_default_na=False, dtype={"video": str})
    told = told.set_index(["domain", "video", "frame"])
    assert len(records) > 0.8 * len(told)
    for face in records.itertuples():
        row = told.loc[face.domain, face.video.rpartition("/")[2], face.frame]
        assert (face.failure, face.quality) == (row["failure"], pytest.approx(row["quality"]))
        if row["x0"] != "":
            assert face.box == pytest.approx(
                [float(row[side]) for side in ("x0", "y0", "x1", "y1")]
            )
    assert set(records["failure"]) & {"cut off", "no face"}
    assert set(records["failure"]) & set(FAILURES)


@pytest.mark.slow
def test_a_varied_corpus_goes_on_the_same(corpus):
    out, arguments = corpus
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    victims = [
        out / "original_sequences/portraits/c23/videos/003.mp4",
        out / "manipulated_sequences/graphics_swap/c23/videos/001_000.mp4",
    ]
    for victim in victims:
        victim.unlink()
    assert make_corpus(out, **arguments).written == len(victims)
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(DataError, match=r"made with failures = 0\.5, not 0\.4"):
        make_corpus(out, **(arguments | {"failures": 0.4}))


@pytest.mark.slow
def test_dark_frames_are_dark(corpus):
    out, _ = corpus
    told = pd.read_csv(out / "truths.csv", keep_default_na=False, dtype={"video": str})
    light = {"": [], "dark": []}
    for domain, folder in (
        ("real", "original_sequences/portraits"),
        ("self_blending", "manipulated_sequences/self_blending"),
    ):
        for video, rows in told[told["domain"] == domain].groupby("video"):
            frames = [f.mean() for *_, f in read_frames(out / folder / f"c23/videos/{video}.mp4")]
            for frame, failure in zip(rows["frame"], rows["failure"], strict=True):
                light.setdefault(failure, []).append(frames[frame])
    assert light["dark"]
    assert max(light["dark"]) < 0.6 * np.median(light[""])


def test_a_corpus_without_truths_reads_as_unknown(tmp_path):
    path = tmp_path / "original_sequences/youtube/c23/videos/000.mp4"
    path.parent.mkdir(parents=True)
    path.touch()
    (clip,) = read(tmp_path)
    assert clip.truths == ()
    assert np.isnan(clip.truth(3).quality)
    assert (clip.truth(3).failure, clip.truth(3).box) == ("", None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("real,000,0,1.5,,,,,", r"quality 1\.5 is not in \[0, 1\]"),
        ("real,000,1,1,,,,,", "real/000: frames are missing or told twice"),
        ("real,000,0,1,,3,,,", "a box with blanks"),
        ("real,000,first,1,,,,,", "damaged"),
    ],
)
def test_damaged_truths_are_refused(tmp_path, row, message):
    path = tmp_path / "original_sequences/youtube/c23/videos/000.mp4"
    path.parent.mkdir(parents=True)
    path.touch()
    header = "domain,video,frame,quality,failure,x0,y0,x1,y1\n"
    (tmp_path / "truths.csv").write_text(header + row + "\n")
    with pytest.raises(DataError, match=message):
        read(tmp_path)
    (tmp_path / "truths.csv").write_text("domain,video\nreal,000\n")
    with pytest.raises(DataError, match=r"truths\.csv: damaged .*expected columns"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": "vary"}, "quality: unknown 'vary'; did you mean 'varied'"),
        ({"failures": 1.2}, "failures: 1.2 is no share; give 0 to 1"),
        ({"test_share": 2}, "test_share: 2"),
        ({"bad_detections": -0.1}, "bad_detections: -0.1"),
        ({"forgeries": ("twin",)}, "twin need an autoencoder, and none comes with this package"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        make_corpus(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("share", "sizes"), [(0.14, (21, 4, 4)), (0.26, (17, 4, 8)), (1, (1, 1, 27))]
)
def test_the_test_split_is_as_large_as_asked(tmp_path, share, sizes):
    _write_splits(tmp_path, PAIRS[:29], share)
    parts = [
        json.loads((tmp_path / f"splits/{split}.json").read_text())
        for split in ("train", "val", "test")
    ]
    assert tuple(map(len, parts)) == sizes
    names = [name for part in parts for pair in part for name in pair]
    assert names == [actor.name for actor in ACTORS[:58]]
