"""Quality and failure of a synthetic corpus's faces: kept beside them, and hidden from training."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store import PARAMETERS, PARTS, part_of, write

import ltw
from ltw.data import store as store_module
from ltw.data.checks.store_check import store_check
from ltw.data.store import Store, open_shard
from ltw.data.store_writer import begin, finalize, part_path, write_part
from ltw.engine.train import train

TOLD = ("quality", "failure")
SILENT = (
    "data/counterparts.py",
    "data/loader.py",
    "data/pairing.py",
    "data/selection.py",
    "engine",
    "methods",
    "models",
    "infer",
)


def forget(path: Path) -> None:
    """Rewrite one Arrow file as it was before the columns came."""
    batch = open_shard(path)
    kept = pa.Table.from_batches([batch.drop_columns(list(TOLD))]).combine_chunks()
    table = kept.replace_schema_metadata(batch.schema.metadata)
    copy = path.with_suffix(".old")
    with pa.ipc.new_file(str(copy), table.schema) as writer:
        writer.write_batch(table.to_batches()[0])
    copy.replace(path)


@pytest.fixture
def old_store(tmp_path):
    path = write(tmp_path / "old", PARTS[:1])
    for shard in (path / "faces").iterdir():
        forget(shard)
    table = pq.read_table(path / "records.parquet").drop_columns(list(TOLD))
    pq.write_table(table, path / "records.parquet")
    return path


def test_records_say_what_the_corpus_told(tmp_path):
    records = Store(write(tmp_path / "store", PARTS)).records
    assert records["failure"].tolist() == ["", "torn", "torn"] * 2
    assert records["quality"].tolist() == [0, 0.25, 0.5] * 2


def test_stores_from_before_open_and_say_that_nobody_knows(old_store, tmp_path):
    records = Store(old_store).records
    assert records["quality"].isna().all()
    assert records["failure"].tolist() == [""] * len(records)
    assert store_check(old_store) == store_check(write(tmp_path / "new", PARTS[:1]))
    images = Store(old_store).images([0, 1, 2])
    np.testing.assert_array_equal(images, np.stack([image for _, image, _ in PARTS[0].faces]))


def test_a_store_from_before_takes_more_and_datasets_opens_it_still(
    old_store, tmp_path, monkeypatch
):
    begin(old_store, PARAMETERS)
    write_part(old_store, PARTS[1])
    waiting = part_of("a_late", domain="swap")
    write_part(old_store, waiting)
    forget(part_path(old_store, waiting.video.video))  # written before the columns came
    finalize(old_store)
    records = Store(old_store).records.set_index("video")
    assert np.isnan(records.loc[PARTS[0].video.video, "quality"]).all()
    assert np.isnan(records.loc[waiting.video.video, "quality"]).all()
    assert records.loc[PARTS[1].video.video, "quality"].tolist() == [0, 0.25, 0.5]
    assert len({tuple(open_shard(p).schema.names) for p in (old_store / "faces").iterdir()}) == 1
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    opened = datasets.load_dataset(str(old_store), split="train", cache_dir=str(tmp_path / "hf"))
    assert len(opened) == len(records)


@pytest.mark.parametrize("method", ["alltrain", "ltw"])
def test_training_does_without_them(method, make_config, store_path, tmp_path, monkeypatch):
    """Where the columns are not there, whatever reads them fails."""
    read = store_module.read_records

    def without(path: Path) -> pd.DataFrame:
        return read(path).drop(columns=list(TOLD))

    monkeypatch.setattr(store_module, "read_records", without)
    assert not set(TOLD) & set(Store(store_path).records)
    train(make_config(method), tmp_path / "run")


def test_nothing_that_trains_or_scores_names_them():
    root = Path(ltw.__file__).parent
    files = [
        file for name in SILENT for file in sorted([root / name, *(root / name).rglob("*.py")])
    ]
    files = [file for file in files if file.is_file()]
    assert len(files) > 30
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            named = getattr(node, "attr", None) or getattr(node, "value", None)
            assert named not in TOLD, f"{file}:{node.lineno} reads {named}"
