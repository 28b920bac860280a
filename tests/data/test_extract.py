import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blobs import blob_video, clip_of
from PIL import Image

from ltw.data import extract as extraction
from ltw.data import store_writer
from ltw.data.clips import extract_clip
from ltw.data.extract import extract
from ltw.data.store import Parameters, Store
from ltw.errors import DataError
from ltw.media.video import write_video
from ltw.parallel import Shard
from ltw.synth.identity import sample_person
from ltw.synth.people import film
from ltw.types import Clip

STILL = [[(32, 32, 32)]] * 12


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    return [clip_of(blob_video(tmp_path / f"{name}.mp4", STILL)) for name in "abc"]


class Trap:
    """A path that kills or hangs the process that wants to read it; picklable."""

    def __init__(self, name: str) -> None:
        self.name = name

    def stat(self) -> None:
        if self.name == "deadly.mp4":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    def is_file(self) -> bool:
        return False

    def __str__(self) -> str:
        return self.name


def run(clips: list[Clip], store: Path, **options: Any) -> extraction.ExtractionSummary:
    return extract(clips, store, **({"frames": 3, "size": 64, "workers": 1} | options))


@pytest.mark.usefixtures("squares_are_faces")
def test_faces_are_cut_where_the_person_is_at_evenly_spaced_frames(tmp_path):
    # the person moves right by 2 pixels a frame; from frame 4 on a larger stranger stands apart
    squares = [[(2 * i, 40, 24), *([(60, 0, 30)] if i >= 4 else [])] for i in range(12)]
    clip = clip_of(blob_video(tmp_path / "a.mp4", squares))
    part = extract_clip(clip, Parameters(frames=3, margin=16, size=64))
    assert [face.frame for face, _, _ in part.faces] == [2, 6, 10]
    for face, crop, mask in part.faces:
        assert face.box == pytest.approx((2 * face.frame, 40, 2 * face.frame + 24, 64), abs=1.5)
        side = 24 * (1 + 16 / 48)  # 48 of the crop's 64 pixels are face
        assert face.crop[2] - face.crop[0] == pytest.approx(side, abs=2)
        assert face.time == pytest.approx(face.frame / 25)
        assert crop.shape == (64, 64, 3)
        assert crop[32, 32].min() > 200
        assert mask is None
    video = part.video
    assert (video.frames_total, video.frames_decoded, video.frames_with_face) == (12, 3, 3)


@pytest.mark.usefixtures("squares_are_faces")
def test_frames_without_the_person_are_counted_not_filled(tmp_path):
    squares = [[(32, 32, 32)] if i < 8 else [] for i in range(12)]
    part = extract_clip(clip_of(blob_video(tmp_path / "a.mp4", squares)), Parameters(3, 4, 64))
    assert [face.frame for face, _, _ in part.faces] == [2, 6]
    assert (part.video.status, part.video.frames_decoded, part.video.frames_with_face) == (
        "ok",
        3,
        2,
    )


@pytest.mark.usefixtures("squares_are_faces")
def test_masks_are_cut_like_the_faces_and_a_short_mask_video_is_told(tmp_path):
    video = blob_video(tmp_path / "a_b.mp4", STILL)
    mask = [[(32, 32, 16)]] * 8  # the upper left quarter of the face; ends before frame 10
    clip = clip_of(video, domain="swap", mask_path=blob_video(tmp_path / "mask.mp4", mask))
    faces = extract_clip(clip, Parameters(frames=3, margin=0, size=64)).faces
    assert [face.has_mask for face, _, _ in faces] == [True, True, False]
    cut = faces[0][2]
    assert cut is not None
    assert cut.shape == (64, 64)
    assert cut[4:28, 4:28].min() > 128
    assert cut[36:].max() < 128
    record = extract_clip(clip, Parameters(frames=3, margin=0, size=64)).video
    assert (record.status, "frames missing or of another size: 1" in record.reason) == ("ok", True)


@pytest.mark.usefixtures("squares_are_faces")
def test_a_second_call_does_only_what_is_missing(tmp_path, clips, monkeypatch):
    store = tmp_path / "store"
    first = run(clips[:2], store)
    assert (first.done, first.skipped, first.faces) == (2, 0, 6)
    worked = []
    real = extraction.extract_clip
    monkeypatch.setattr(
        extraction,
        "extract_clip",
        lambda c, p, **_: (worked.append(c.path.stem), real(c, p))[1],
    )
    second = run(clips, store)
    assert worked == ["c"]
    assert (second.done, second.skipped, second.faces) == (1, 2, 3)
    assert len(Store(store)) == 9


@pytest.mark.usefixtures("squares_are_faces")
def test_a_call_that_was_killed_is_continued(tmp_path, clips, monkeypatch):
    whole, store = tmp_path / "whole", tmp_path / "store"
    run(clips, whole)
    real = extraction.extract_clip

    def killed_at_the_second(clip, parameters, **options):
        if clip.path.stem == "b":
            raise KeyboardInterrupt
        return real(clip, parameters, **options)

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "extract_clip", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run(clips, store)
    with pytest.raises(DataError, match="not ended"):
        Store(store)
    summary = run(clips, store)
    assert (summary.done, summary.skipped) == (2, 1)
    for file in ("records.parquet", "faces/shard-00000.arrow"):
        assert (store / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.usefixtures("squares_are_faces")
def test_failures_are_kept_and_tried_again_when_asked_or_when_the_file_changed(tmp_path, clips):
    store, bad = tmp_path / "store", clips[0].path
    good = bad.read_bytes()
    bad.write_text("no video")
    summary = run(clips, store)
    name = clips[0].video
    assert list(summary.failures) == [name]
    assert "cannot be decoded" in summary.failures[name]
    again = run(clips, store)
    assert (again.done, again.skipped, list(again.failures)) == (0, 2, [name])
    assert run(clips, store, retry_failed=True).failures[name] == summary.failures[name]
    bad.write_bytes(good)
    repaired = run(clips, store)
    assert (repaired.done, repaired.skipped, repaired.failures) == (1, 2, {})
    assert Store(store).videos["status"].tolist() == ["ok"] * 3


@pytest.mark.usefixtures("squares_are_faces")
def test_another_file_or_split_under_a_known_name_is_refused(tmp_path, clips):
    store = tmp_path / "store"
    run(clips, store)
    with pytest.raises(DataError, match=r"toy/real/c23/a.*split.*train.*test"):
        run([replace(clips[0], split="test")], store)
    blob_video(clips[1].path, STILL * 3)
    with pytest.raises(DataError, match=r"toy/real/c23/b.*bytes"):
        run(clips, store)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "frames is 0"),
        ({"margin": 64}, "margin is 64"),
        ({"workers": 0}, "workers is 0"),
        ({"timeout": 0}, "timeout is 0 seconds"),
    ],
)
def test_values_that_make_no_sense_are_refused(tmp_path, clips, options, message):
    with pytest.raises(DataError, match=message):
        run(clips, tmp_path / "store", **options)


def test_nothing_and_twice_the_same_are_refused(tmp_path, clips):
    with pytest.raises(DataError, match="nothing to extract"):
        run([], tmp_path / "store")
    with pytest.raises(DataError, match=r"given twice.*toy/real/c23/a"):
        run([*clips, clips[0]], tmp_path / "store")


@pytest.mark.usefixtures("squares_are_faces")
def test_two_extractions_into_one_store_at_once_are_refused(tmp_path, clips):
    run(clips[:1], tmp_path / "store")
    with (
        extraction.FileLock(tmp_path / "store" / ".lock"),
        pytest.raises(DataError, match="another extraction"),
    ):
        run(clips, tmp_path / "store")


@pytest.mark.slow
def test_bad_inputs_are_recorded_with_the_reason_and_the_rest_is_done(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("this is no video\n" * 50)
    cut = blob_video(tmp_path / "cut.mp4", STILL)
    cut.write_bytes(cut.read_bytes()[:-300])
    empty = tmp_path / "empty.mp4"
    empty.touch()
    dot, huge, gone = tmp_path / "dot.png", tmp_path / "huge.png", tmp_path / "gone.mp4"
    Image.new("RGB", (1, 1)).save(dot)
    Image.new("1", (12_000, 12_000)).save(huge)
    person = film(sample_person(np.random.default_rng(0)), frames=1, rng=np.random.default_rng(1))
    one = tmp_path / "one.mp4"
    write_video(one, person.frames)
    store = tmp_path / "store"
    paths = [text, cut, empty, dot, huge, gone, one]
    summary = extract([clip_of(p) for p in paths], store, workers=1)
    reasons = {name.rpartition("/")[2]: reason for name, reason in summary.failures.items()}
    assert list(reasons) == ["text", "cut", "empty", "dot", "huge", "gone"]
    assert (reasons["dot"], reasons["huge"], reasons["gone"]) == (
        "no face found",
        "no face found",
        "no such file",
    )
    assert "is empty" in reasons["empty"]
    for name in ("text", "cut"):
        assert "cannot be decoded" in reasons[name]
    assert (summary.done, summary.faces) == (1, 1)
    assert Store(store).videos.set_index("video")["status"].value_counts().to_dict() == {
        "failed": 6,
        "ok": 1,
    }


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Three videos of rendered people."""
    folder = tmp_path_factory.mktemp("people")
    for k in range(3):
        rng = np.random.default_rng(k)
        write_video(
            folder / f"{k}.mp4", film(sample_person(rng), frames=6, size=240, rng=rng).frames
        )
    return [clip_of(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def people_store(people, tmp_path_factory):
    """What one local process makes of them."""
    store = tmp_path_factory.mktemp("store") / "one"
    summary = extract(people, store, frames=3, workers=1)
    assert (summary.done, summary.frames, summary.faces) == (3, 9, 9)
    return store


def assert_same(one: Path, two: Path) -> None:
    for file in ("records.parquet", "faces/shard-00000.arrow", "videos.parquet", "store.json"):
        assert (one / file).read_bytes() == (two / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_any_number_of_workers_of_either_engine_make_the_same_store(
    tmp_path, people, people_store, engine
):
    if engine == "ray":
        pytest.importorskip("ray")
    extract(people[::-1], tmp_path / "two", frames=3, workers=2, engine=engine)
    assert_same(people_store, tmp_path / "two")
    assert json.loads((people_store / "store.json").read_text())["frames"] == 3


@pytest.mark.slow
def test_a_video_that_kills_or_hangs_its_worker_is_recorded_and_the_others_are_done(
    tmp_path, people
):
    traps = [
        replace(people[0], path=Trap(f"{name}.mp4"), video=f"toy/real/c23/{name}")
        for name in ("deadly", "endless")
    ]
    clips = [people[0], *traps, *people[1:]]
    summary = extract(clips, tmp_path / "store", frames=3, workers=2, timeout=5)
    assert summary.failures == {
        "toy/real/c23/deadly": "its worker process died (SIGKILL)",
        "toy/real/c23/endless": "took longer than 5 s",
    }
    assert (summary.done, summary.faces) == (3, 9)


@pytest.mark.usefixtures("squares_are_faces")
def test_shards_write_side_by_side_and_a_plain_call_does_the_rest_and_merges(tmp_path):
    clips = [clip_of(blob_video(tmp_path / f"{name}.mp4", STILL)) for name in "ebdac"]
    run(clips, tmp_path / "whole")
    store = tmp_path / "store"
    run(clips[:1], store, shard=Shard(2, 2))  # nothing to do: makes the store
    with extraction.FileLock(store / "parts" / ".lock-1-of-3"):  # another shard is at work
        third = run(clips, store, shard=Shard(3, 3))
        with pytest.raises(DataError, match="another extraction of shard 1/3"):
            run(clips, store, shard=Shard(1, 3))
    assert (third.done, third.skipped, third.left) == (1, 0, 4)
    first = run(clips, store, shard=Shard(1, 3))
    assert (first.done, first.left) == (2, 2)
    assert run(clips, store, shard=Shard(1, 3)).skipped == 2
    with pytest.raises(DataError, match=r"videos that wait to be merged: 3.*without --shard"):
        Store(store)
    rest = run(clips, store)
    assert (rest.done, rest.skipped, rest.left) == (2, 3, 0)
    assert_same(tmp_path / "whole", store)
    assert run(clips, store, shard=Shard(2, 3)).skipped == 2  # a merged store is not done again
    Store(store)


@pytest.mark.usefixtures("squares_are_faces")
def test_what_a_shard_writes_while_a_plain_call_merges_is_kept(tmp_path, clips, monkeypatch):
    store, bad = tmp_path / "store", clips[2].path
    good = bad.read_bytes()
    bad.write_text("no video")
    run([clips[0], clips[2]], store, shard=Shard(1, 1))

    def merge_while_others_write(store: Path) -> None:
        real_groups = store_writer._groups

        def groups(paths):  # after the parts were listed, before they are removed
            bad.write_bytes(good)
            run(clips, store, shard=Shard(1, 1))
            return real_groups(paths)

        with monkeypatch.context() as patch:
            patch.setattr(store_writer, "_groups", groups)
            store_writer.finalize(store)

    merge_while_others_write(store)
    summary = run(clips, store)
    assert (summary.done, summary.skipped, summary.failures) == (0, 3, {})
    assert len(Store(store)) == 9
