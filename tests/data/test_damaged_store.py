"""Damage of a store's files: one message that names the file, whatever byte it is."""

import json
import random
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_store import toy_store

from ltw.data import store_writer
from ltw.data.selection import ordered_by_name, source_faces
from ltw.data.store import Parameters, Store, open_shard, part_paths, shard_path
from ltw.data.store_writer import attempted, begin, finalize
from ltw.errors import DataError

SEED = 0


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return toy_store(tmp_path_factory.mktemp("sound") / "store", masked=("stripes",))


@pytest.fixture
def store(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "store")
    return tmp_path / "store"


def every_image(store):
    opened = Store(store)
    return opened.images(range(len(opened)))


def refused(store, *phrases):
    with pytest.raises(DataError) as caught:
        every_image(store)
    missing = [phrase for phrase in phrases if phrase not in str(caught.value)]
    assert not missing, str(caught.value)


def test_an_offset_beyond_the_data_names_the_shard(store):
    """Without validation this ended Python: Arrow followed the offset out of the file."""
    path = shard_path(store, 0)
    data = bytearray(path.read_bytes())
    images = open_shard(path).column("image").field("bytes")
    offsets = images.buffers()[1].to_pybytes()
    place = data.index(offsets[:64])
    data[place + 7] |= 0x40  # the second offset's top byte
    path.write_bytes(data)
    refused(store, str(path), "damaged", "restore it from a copy")


def test_any_flipped_bit_of_a_shard_gives_the_faces_or_a_message(store, sound):
    path, dice = shard_path(store, 0), random.Random(SEED)
    whole = shard_path(sound, 0).read_bytes()
    truth = Store(sound).images(range(6))
    images = whole.index(b"RIFF"), whole.rindex(b"RIFF")
    outcomes = {"same": 0, "refused": 0}
    for _ in range(150):
        place = dice.choice(
            [dice.randrange(images[0]), dice.randrange(images[1], len(whole)), images[0] + 40]
        )
        data = bytearray(whole)
        data[place] ^= 1 << dice.randrange(8)
        path.unlink()  # another process may have mapped the old one
        path.write_bytes(data)
        try:
            got = Store(store).images(range(6))
        except DataError:
            outcomes["refused"] += 1
        else:
            np.testing.assert_array_equal(got, truth)
            outcomes["same"] += 1
    assert min(outcomes.values()) > 5, outcomes


def test_a_picture_that_was_exchanged_is_not_passed_off_as_the_face(store):
    """It decodes; only the checksum of what was written tells."""
    path = shard_path(store, 0)
    batch = open_shard(path)
    images = batch.column("image").to_pylist()
    images[0] = images[1]
    place = batch.schema.get_field_index("image")
    changed = batch.set_column(place, "image", pa.array(images, batch.schema.field("image").type))
    path.unlink()
    with pa.ipc.new_file(path, batch.schema) as writer:
        writer.write_batch(changed.cast(batch.schema))
    refused(store, "face 0", "other bytes than were written", "ltw store check")


@pytest.mark.parametrize("name", ["records.parquet", "videos.parquet"])
def test_a_flipped_bit_in_a_table_is_noticed(store, name):
    data = bytearray((store / name).read_bytes())
    data[200] ^= 4
    (store / name).write_bytes(data)
    refused(store, name, "damaged", "restore it from a copy")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 100000),
        ("size", "224"),
        ("size", 0),
        ("frames", None),
        ("frames", 2.5),
        ("margin", -1),
        ("margin", [4]),
        ("format", "1"),
    ],
)
def test_values_of_store_json_are_checked(store, key, value):
    path = store / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    refused(store, str(path), f"{key} = {value!r}", "restore it from a copy")


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 10**5, '{"format": 1}', "\udcff"])
def test_a_store_json_that_is_none(store, text):
    (store / "store.json").write_bytes(text.encode(errors="surrogateescape"))
    refused(store, "store.json", "damaged")


def retyped(table):
    return table.assign(label=table["label"].astype(str)), "column 'label' is"


def dropped(table):
    return table.drop(columns="crc32"), "lacks the column 'crc32'"


def emptied(table):
    return table.assign(video=[None, *table["video"][1:]]), "column 'video' is empty in 1 rows"


def third_label(table):
    return table.assign(label=[2, *table["label"][1:]]), "face 0 has label = 2"


def from_the_end(table):
    return table.assign(row=[-1, *table["row"][1:]]), "face 0 has row = -1"


def other_split(table):
    return table.assign(split=["exam", *table["split"][1:]]), "face 0 has split = 'exam'"


def flat_boxes(table):
    return table.assign(box=0.5), "column 'box' is double"


@pytest.mark.parametrize(
    "damage", [retyped, dropped, emptied, third_label, from_the_end, other_split, flat_boxes]
)
def test_columns_of_the_records_are_checked(store, damage):
    path = store / "records.parquet"
    table = pq.read_table(path)
    changed, reason = damage(table.to_pandas())
    kinds = {field.name: field.type for field in table.schema}
    if damage in (retyped, flat_boxes):
        kinds = {name: kind for name, kind in kinds.items() if name not in ("label", "box")}
    columns = {
        name: pa.array([None if v is np.nan else v for v in changed[name]], kinds.get(name))
        if name == "video"
        else pa.array(changed[name].tolist(), kinds.get(name))
        for name in changed
    }
    pq.write_table(pa.table(columns), path)
    refused(store, "records.parquet", reason)


def test_an_extraction_names_a_truncated_table(store):
    path = store / "records.parquet"
    path.write_bytes(path.read_bytes()[:500])
    begin(store, Parameters(frames=3, margin=4, size=32))
    with pytest.raises(DataError, match=r"records\.parquet: damaged.*another --store"):
        finalize(store)


def test_an_extraction_names_a_part_that_is_none(store):
    begin(store, Parameters(frames=3, margin=4, size=32))
    part = store / "parts" / "a.arrow"
    shutil.copy(shard_path(store, 0), part)  # faces, and no record of a video
    assert part_paths(store) == [part]
    with pytest.raises(DataError, match=r"a\.arrow: damaged.*delete this file"):
        attempted(store)


def test_parts_of_an_earlier_version_are_merged_with_new_ones(tmp_path, monkeypatch):
    """Its columns could be empty, as far as their type said."""
    write = store_writer._write_batch

    def as_before(path, table):
        if len(part_paths(path.parent.parent)) == 1:
            loose = pa.schema([field.with_nullable(True) for field in table.schema])
            table = table.cast(loose.with_metadata(table.schema.metadata))
        write(path, table)

    monkeypatch.setattr(store_writer, "_write_batch", as_before)
    store = Store(toy_store(tmp_path / "store", people={"train": 2}))
    assert len(store.images(range(len(store)))) == 30


def test_the_order_of_training_faces_is_that_of_names_whenever_they_came(sound):
    records = Store(sound).records
    first = records["person"].isin(["train0", "train3"])
    later = pd.concat([records[~first], records[first]], ignore_index=True)  # extracted last
    rows, again = (
        ordered_by_name(table, source_faces(table, ["stripes", "bands"], None, "train"))
        for table in (records, later)
    )
    columns = ["video", "frame", "label"]
    pd.testing.assert_frame_equal(
        records.loc[rows, columns].reset_index(drop=True),
        later.loc[again, columns].reset_index(drop=True),
    )
    assert again.tolist() != sorted(again.tolist())
