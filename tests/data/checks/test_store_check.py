import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store import PARAMETERS, part_of, write

from ltw.data.checks.identical import identical_faces
from ltw.data.checks.store_check import store_check
from ltw.data.contact_sheet import contact_sheet
from ltw.data.store import Store
from ltw.data.store_info import store_info
from ltw.data.store_writer import Part, begin, write_part
from ltw.errors import DataError


def with_fields(part: Part, **changes: object) -> Part:
    return replace(part, faces=[(replace(f, **changes), i, m) for f, i, m in part.faces])  # type: ignore[arg-type]


SOUND = [
    part_of("a"),
    part_of("b"),
    with_fields(part_of("a_b", domain="swap"), donor_person="b"),
    part_of("c", 0, reason="no face found"),
]


def check(path: Path, *parts: Part) -> list[str]:
    return store_check(write(path / "store", list(parts))).problems


def test_a_sound_store_has_no_problems(tmp_path):
    assert check(tmp_path, *SOUND) == []


def test_a_person_shown_in_two_splits_is_found(tmp_path):
    (problem,) = check(
        tmp_path, *SOUND[:2], with_fields(part_of("a_b", domain="swap"), split="test")
    )
    assert problem == "people in more than one split (1): a of toy (test, train)"


def test_a_donor_in_another_split_is_found_but_not_the_same_name_of_another_data_set(tmp_path):
    donor = with_fields(SOUND[1], split="val")
    stranger = with_fields(part_of("n"), dataset="other", person="a", split="test")
    (problem,) = check(tmp_path, SOUND[0], donor, SOUND[2], stranger)
    assert problem == "people in more than one split (1): b of toy (train, val)"


def test_a_forgery_without_its_genuine_video_is_listed(tmp_path):
    (problem,) = check(tmp_path, *SOUND[1:])
    assert problem == "forgeries whose genuine video is not in the store (1): toy/swap/c23/a_b"


def test_two_faces_of_one_frame_are_found(tmp_path):
    twice = replace(SOUND[0], faces=[SOUND[0].faces[0], SOUND[0].faces[0]])
    (problem,) = check(tmp_path, twice)
    assert problem.startswith("faces that are there twice, same video and frame (1): ")
    assert "toy/real/c23/a, frame 0" in problem


def pictures_of(part: Part, other: Part) -> Part:
    """Return ``part`` with the pictures of ``other``."""
    pairs = zip(part.faces, other.faces, strict=True)
    return replace(part, faces=[(face, image, mask) for (face, _, mask), (_, image, _) in pairs])


def test_a_fake_frame_that_is_its_real_is_label_noise(tmp_path):
    untouched = pictures_of(SOUND[2], SOUND[0])
    untouched = replace(untouched, faces=[*SOUND[2].faces[:2], untouched.faces[2]])
    (problem,) = check(tmp_path, *SOUND[:2], untouched)
    assert problem == (
        "pictures that are there as genuine and as forged, byte for byte (1): "
        "2 (toy/real/c23/a, frame 10) = 8 (toy/swap/c23/a_b, frame 10)"
    )


def test_the_same_picture_in_two_splits_is_a_leak_and_in_two_videos_a_copy(tmp_path):
    copy = pictures_of(part_of("n"), SOUND[0])
    (problem,) = check(tmp_path / "1", *SOUND, copy)
    assert problem.startswith("pictures in more than one video, byte for byte (3): 0 (toy/real")
    (problem,) = check(tmp_path / "2", *SOUND, with_fields(copy, split="test"))
    assert problem.startswith("pictures in more than one split, byte for byte (3): 0 (toy/real")
    assert "a, frame 0) = 6 (toy/real/c23/n, frame 0)" in problem


def test_a_still_video_and_checksums_that_agree_by_chance_are_no_duplicates(tmp_path):
    still = replace(SOUND[1], faces=[(f, SOUND[1].faces[0][1], m) for f, _, m in SOUND[1].faces])
    path = write(tmp_path / "store", [SOUND[0], still, *SOUND[2:]])
    assert store_check(path).problems == []
    store = Store(path)
    store.records["crc32"] = 7
    assert list(identical_faces(store)) == []


def test_unlabelled_pictures_are_no_label_noise(tmp_path):
    loose = with_fields(pictures_of(part_of("n"), SOUND[0]), label=-1, domain="unlabelled")
    (problem,) = check(tmp_path, *SOUND, loose)
    assert problem.startswith("pictures in more than one video, byte for byte (3)")


def test_what_is_missing_or_unknown_is_a_note_and_no_problem(tmp_path):
    nameless = with_fields(part_of("x_y", domain="swap"), source_video="", person="a")
    stranger = with_fields(part_of("s_t", domain="swap"), source_video="")
    found = store_check(write(tmp_path / "store", [*SOUND, nameless, stranger]))
    assert found.problems == []
    assert found.notes == [
        "1 of 6 videos of toy gave no face: c (no face found)",
        "forgeries that do not name the genuine video they show (2): training pairs 1 with another "
        "of their person, 1 with any",
    ]


def test_one_flipped_bit_in_an_image_is_found(tmp_path):
    path = write(tmp_path / "store", SOUND)
    shard = path / "faces" / "shard-00000.arrow"
    data = bytearray(shard.read_bytes())
    data[data.index(b"WEBP") + 900] ^= 1
    shard.write_bytes(bytes(data))
    (problem,) = store_check(path).problems
    assert problem == "damaged faces (1): 0 (toy/real/c23/a, frame 0)"


def test_missing_cut_and_foreign_shards_are_found(tmp_path):
    path, other = write(tmp_path / "store", SOUND), write(tmp_path / "other", [part_of("z")])
    shard = path / "faces" / "shard-00000.arrow"
    data = shard.read_bytes()
    shard.write_bytes((other / "faces" / "shard-00000.arrow").read_bytes())
    assert "3 faces, the records list 9" in store_check(path).problems[0]
    shard.write_bytes(data[:-100])
    assert "damaged" in store_check(path).problems[0]
    shard.unlink()
    assert "gone" in store_check(path).problems[0]


def test_records_that_were_edited_are_found(tmp_path):
    path = write(tmp_path / "store", SOUND)
    table = pq.read_table(path / "records.parquet")
    place = table.schema.get_field_index("label")
    zeros = pa.array([0] * len(table), pa.int64())
    edited = table.set_column(place, table.schema.field(place), zeros)
    pq.write_table(edited, path / "records.parquet")
    assert "not those that the records list" in store_check(path).problems[0]


def test_an_unfinished_store_is_a_problem(tmp_path):
    begin(tmp_path / "store", PARAMETERS)
    write_part(tmp_path / "store", SOUND[0])
    (problem,) = store_check(tmp_path / "store").problems
    assert "not ended (videos that wait to be merged: 1)" in problem


def test_counts(tmp_path):
    damaged = replace(SOUND[0], video=replace(SOUND[0].video, reason="1 damaged"))
    info = store_info(Store(write(tmp_path / "store", [damaged, *SOUND[1:]])))
    assert json.loads(json.dumps(info)) == info
    assert (info["faces"], info["videos"], info["failed"], info["damaged"]) == (9, 3, 1, 1)
    assert info["people"] == 2
    assert info["failures"] == {"no face found": 1}
    group = {"dataset": "toy", "compression": "c23", "split": "train"}
    assert info["groups"] == [
        group | {"domain": "real", "faces": 6, "videos": 2, "people": 2},
        group | {"domain": "swap", "faces": 3, "videos": 1, "people": 1},
    ]


def test_contact_sheet_shows_the_faces_of_every_domain(tmp_path):
    store = Store(write(tmp_path / "store", SOUND))
    sheet = contact_sheet(store, columns=3, per_domain=4)
    assert sheet.dtype == np.uint8
    one_line = contact_sheet(store, columns=4, per_domain=4)
    assert sheet.shape[1] < one_line.shape[1]
    assert sheet.shape[0] > one_line.shape[0]  # four real faces need two lines of three
    assert one_line.std() > 40  # noise faces on white paper
    empty = Store(write(tmp_path / "empty", SOUND[3:]))
    assert (len(empty), store_info(empty)["faces"]) == (0, 0)
    assert store_check(empty.path).problems == []
    with pytest.raises(DataError, match="no faces"):
        contact_sheet(empty)


def masked(part: Part, *levels: int) -> Part:
    """Return ``part`` with a mask of one level a face."""
    faces = [
        (replace(f, has_mask=True), image, np.full(image.shape[:2], level, np.uint8))
        for (f, image, _), level in zip(part.faces, levels, strict=True)
    ]
    return replace(part, faces=faces)


def test_masks_that_contradict_the_crop_are_found(tmp_path):
    fake, real = SOUND[2], SOUND[0]
    assert check(tmp_path / "some", *SOUND[:2], masked(fake, 0, 255, 0)) == []
    (problem,) = check(tmp_path / "none", *SOUND[:2], masked(fake, 0, 9, 0))  # 9: of a lossy video
    assert "wrong person was followed (1): toy/swap/c23/a_b" in problem
    (problem,) = check(tmp_path / "real", masked(real, 0, 255, 0), *SOUND[1:3])
    assert "genuine videos with a mask that shows a forgery (1): toy/real/c23/a" in problem
