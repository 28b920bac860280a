import pickle
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from blobs import clip_of
from torch.utils.data import DataLoader

from ltw.data import store_writer
from ltw.data.clips import video_record
from ltw.data.store import Parameters, Store, part_paths
from ltw.data.store_writer import Part, attempted, begin, finalize, write_part
from ltw.errors import DataError
from ltw.types import Face

SIZE = 32
PARAMETERS = Parameters(frames=3, margin=4, size=SIZE)


def part_of(name: str, faces: int = 3, domain: str = "real", reason: str = "") -> Part:
    """Noise crops that differ for every face; forged ones have masks."""
    clip = clip_of(Path(f"{name}.mp4"), domain=domain)
    rng = np.random.default_rng(list(name.encode()))
    rows = []
    for frame in range(faces):
        image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        mask = None if domain == "real" else rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
        record = Face(
            **{
                f.name: getattr(clip, f.name)
                for f in fields(Face)
                if hasattr(clip, f.name) and f.name != "path"
            },
            frame=frame * 5,
            time=frame / 5,
            detection_confidence=0.5,
            box=(1.0, 2.0, 3.5, 4.0),
            landmarks=tuple(range(10)),
            crop=(0.0, 1.0, 4.0, 5.0),
            has_mask=mask is not None,
            quality=0.25 * frame,
            failure="torn" if frame else "",
        )
        rows.append((record, image, mask))
    return Part(video_record(clip, PARAMETERS, reason, faces=faces), rows)


PARTS = [part_of("b_a", domain="swap"), part_of("a"), part_of("c", 0, reason="no face found")]
EXPECTED = [*PARTS[1].faces, *PARTS[0].faces]  # by the names of the videos


def write(path: Path, parts: list[Part]) -> Path:
    begin(path, PARAMETERS)
    for part in parts:
        write_part(path, part)
    finalize(path)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "store", PARTS)


def assert_complete(path: Path) -> None:
    store = Store(path)
    assert len(store) == len(EXPECTED)
    for index, (record, image, mask) in enumerate(EXPECTED):
        np.testing.assert_array_equal(store.image(index), image)
        assert (store.records.loc[index, ["video", "frame"]] == [record.video, record.frame]).all()
        if mask is None:
            assert store.mask(index) is None
        else:
            np.testing.assert_array_equal(store.mask(index), mask)
    assert store.videos["video"].tolist() == [
        "toy/real/c23/a",
        "toy/real/c23/c",
        "toy/swap/c23/b_a",
    ]


def test_every_face_comes_back_bit_for_bit_in_the_order_of_the_videos(path):
    assert_complete(path)
    store = Store(path)
    np.testing.assert_array_equal(
        store.images([4, 0, 4]), np.stack([EXPECTED[k][1] for k in (4, 0, 4)])
    )
    assert store.images([]).shape == (0, SIZE, SIZE, 3)
    with pytest.raises(IndexError):
        store.image(6)


def test_records_hold_every_field_of_a_face(path):
    records = pd.read_parquet(path / "records.parquet")
    names = [f.name for f in fields(Face)]
    assert list(records.columns) == [*names, "shard", "row", "crc32"]
    for index, (face, _, _) in enumerate(EXPECTED):
        for name in names:
            value = records.loc[index, name]
            value = tuple(value) if isinstance(value, np.ndarray) else value
            assert value == getattr(face, name), name


def test_failed_videos_are_rows_of_the_videos_table(path):
    videos = Store(path).videos.set_index("video")
    assert videos.loc["toy/real/c23/c", ["status", "reason"]].tolist() == [
        "failed",
        "no face found",
    ]
    assert videos.loc["toy/real/c23/a", ["status", "frames_with_face"]].tolist() == ["ok", 3]


def test_hugging_face_datasets_opens_the_folder_with_decoded_pictures(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    opened = datasets.load_dataset(str(path), split="train", cache_dir=str(tmp_path / "hf"))
    assert len(opened) == len(EXPECTED)
    for row, (face, image, mask) in zip(opened, EXPECTED, strict=True):
        np.testing.assert_array_equal(np.asarray(row["image"]), image)
        assert (row["video"], row["frame"]) == (face.video, face.frame)
        assert tuple(row["landmarks"]) == face.landmarks
        if mask is None:
            assert row["mask"] is None
        else:
            np.testing.assert_array_equal(np.asarray(row["mask"]), mask)


def test_the_files_do_not_depend_on_the_order_in_which_videos_were_finished(path, tmp_path):
    other = write(tmp_path / "other", PARTS[::-1])
    for file in ("records.parquet", "videos.parquet", "faces/shard-00000.arrow"):
        assert (path / file).read_bytes() == (other / file).read_bytes()


def test_many_small_shards_and_later_additions_keep_every_face(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "SHARD_BYTES", 1)
    path = write(tmp_path / "store", PARTS[:1])
    before = Store(path).records
    write(path, PARTS[1:])
    store = Store(path)
    assert len(list((path / "faces").iterdir())) == 2
    pd.testing.assert_frame_equal(store.records.iloc[:3], before)  # faces keep their index
    for index, (_, image, _) in enumerate([*PARTS[0].faces, *PARTS[1].faces]):
        np.testing.assert_array_equal(store.image(index), image)


def test_a_store_travels_into_worker_processes(path):
    store = Store(path)
    small = len(pickle.dumps(store))
    store.image(0)  # opens a shard before the workers are made
    assert len(pickle.dumps(store)) == small  # no faces travel
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.image(3), EXPECTED[3][1])
    loader = DataLoader(range(6), 3, num_workers=2, collate_fn=store.images)
    images = np.concatenate(list(loader))
    np.testing.assert_array_equal(images, np.stack([image for _, image, _ in EXPECTED]))


class Killed(BaseException):
    """Not an Exception: nothing may catch it, as nothing catches a kill."""


@pytest.fixture
def kill_at(monkeypatch):
    """From the n-th change of the file system on, none happens."""

    def arm(step: int) -> None:
        changes = 0

        def counted(real):
            def change(*args, **kwargs):
                nonlocal changes
                changes += 1
                if changes >= step:
                    raise Killed
                return real(*args, **kwargs)

            return change

        monkeypatch.setattr(Path, "replace", counted(Path.replace))
        monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
        monkeypatch.setattr(Path, "mkdir", counted(Path.mkdir))
        monkeypatch.setattr(Path, "rmdir", counted(Path.rmdir))

    yield arm
    monkeypatch.undo()


@pytest.mark.parametrize("first", [0, 1])
def test_a_kill_at_any_step_leaves_a_complete_or_a_resumable_store(
    tmp_path, kill_at, first, monkeypatch
):
    monkeypatch.setattr(store_writer, "SHARD_BYTES", 1)
    monkeypatch.setattr(store_writer, "STALE_SECONDS", -1)
    base = write(tmp_path / "base", PARTS[1 : 1 + first]) if first else tmp_path / "base"
    kills = 0
    for step in range(1, 100):
        path = tmp_path / f"killed-{step}"
        if first:
            shutil.copytree(base, path)
        kill_at(step)
        try:
            write(path, PARTS)
            killed = False
        except Killed:
            killed = True
        monkeypatch.undo()
        monkeypatch.setattr(store_writer, "SHARD_BYTES", 1)
        monkeypatch.setattr(store_writer, "STALE_SECONDS", -1)
        if not killed:
            break
        kills += 1
        if (path / "records.parquet").exists() and not part_paths(path):
            Store(path)  # complete, if without what had not begun
        else:
            with pytest.raises(DataError, match=r"not ended|no store"):
                Store(path)
        begin(path, PARAMETERS)
        known = attempted(path)
        for part in PARTS:
            if part.video.video not in known:
                write_part(path, part)
        finalize(path)
        assert_complete(path)
        left = {p.name for p in path.iterdir()}
        assert left == {"README.md", "faces", "records.parquet", "store.json", "videos.parquet"}
        assert {p.suffix for p in (path / "faces").iterdir()} == {".arrow"}
    assert kills > 15


def test_leftovers_of_a_merge_that_was_cut_off_are_cleared_away(path):
    stray = [path / "faces" / "shard-00007.arrow", path / "faces" / ".shard-00001.arrow.9.part"]
    for file in stray:
        file.write_bytes((path / "faces" / "shard-00000.arrow").read_bytes())
    write(path, [])
    assert [file.name for file in (path / "faces").iterdir()] == ["shard-00000.arrow"]
    assert_complete(path)


def test_another_folder_or_other_parameters_are_refused(path, tmp_path):
    with pytest.raises(DataError, match=r"frames=3.*frames=7"):
        begin(path, Parameters(frames=7, margin=4, size=SIZE))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.txt").touch()
    with pytest.raises(DataError, match="neither a store"):
        begin(tmp_path / "photos", PARAMETERS)


def test_opening_what_is_no_sound_store_says_what_is_missing(path, tmp_path):
    with pytest.raises(DataError, match="no store here"):
        Store(tmp_path / "nowhere")
    shard = path / "faces" / "shard-00000.arrow"
    data = shard.read_bytes()
    shard.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"shard-00000.*damaged"):
        Store(path).image(0)
    shard.unlink()
    with pytest.raises(DataError, match=r"shard-00000.*gone"):
        Store(path)
    (path / "records.parquet").write_bytes(b"PAR1 no longer")
    with pytest.raises(DataError, match=r"records.parquet.*damaged"):
        Store(path)


def test_a_face_that_does_not_decode_is_named_never_replaced(path):
    shard = path / "faces" / "shard-00000.arrow"
    damaged = shard.read_bytes().replace(b"WEBP", b"XXXX", 1)
    shard.write_bytes(damaged)
    store = Store(path)
    with pytest.raises(DataError, match=r"face 0 \(video toy/real/c23/a, frame 0\).*decode"):
        store.images([1, 0])
    np.testing.assert_array_equal(store.image(1), EXPECTED[1][1])
