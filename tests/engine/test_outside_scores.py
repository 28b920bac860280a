"""Scores of any other detector: read, measured as our own, compared pair by pair."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from ltw.cli import app
from ltw.data.store import Store
from ltw.engine.evaluate import measure
from ltw.engine.outside_scores import compare_scores, read_scores
from ltw.errors import DataError


def table(noise=1.0, seed=0, videos=40, frames=3):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(videos) % 2, frames)
    return pd.DataFrame(
        {
            "path": [f"v{i:02d}.mp4" for i in np.repeat(np.arange(videos), frames)],
            "label": label,
            "score": expit(rng.normal(2.0 * label - 1, noise)),
            "frame": np.tile(np.arange(frames), videos),
        }
    )


@pytest.fixture
def csv(tmp_path):
    def write(rows, name="a.csv"):
        rows.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write


def test_metrics_are_those_of_scikit_learn(csv):
    rows = table(noise=4.0)
    found = measure(read_scores(csv(rows)), replicates=20)["domains"]["fake"]
    assert found["frame"]["auc"]["value"] == pytest.approx(roc_auc_score(rows.label, rows.score))
    means = rows.groupby("path")[["label", "score"]].mean()
    expected = average_precision_score(means.label, means.score)
    assert found["video"]["average_precision"]["value"] == pytest.approx(expected)
    assert (found["videos"], found["frames"]) == (40, 120)
    low, value, high = (found["video"]["auc"][key] for key in ("low", "value", "high"))
    assert low < value <= high


def test_names_of_columns_and_labels_are_free(csv):
    rows = table().rename(columns={"path": "Video", "score": "P_Fake"})
    rows["label"] = rows["label"].map({0: "Real", 1: "FAKE"})
    rows["domain"] = np.where(rows["Video"] < "v20", "one", "two")
    found = read_scores(csv(rows))
    assert set(found["domain"]) == {"real", "one", "two"}
    assert set(measure(found, replicates=20)["domains"]) == {"one", "two"}


def test_the_paired_difference_is_of_the_same_draws(csv):
    a, b = read_scores(csv(table(1.0, 0))), read_scores(csv(table(3.0, 1), "b.csv"))
    found = compare_scores(a, b)["fake"]["frame"]["auc"]
    first, second = (measure(x, replicates=20)["domains"]["fake"]["frame"]["auc"] for x in (a, b))
    assert found.value == pytest.approx(first["value"] - second["value"])
    assert found.low < found.value < found.high
    same = compare_scores(a, a.assign(dataset="of another name"))["fake"]["video"]["auc"]
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_other_videos_are_no_pair(csv):
    a, b = read_scores(csv(table())), read_scores(csv(table().iloc[3:], "b.csv"))
    with pytest.raises(DataError, match=r"1 videos are in one alone: v00\.mp4"):
        compare_scores(a, b)
    flipped = table()
    flipped["label"] = 1 - flipped["label"]
    with pytest.raises(DataError, match="label them otherwise"):
        compare_scores(a, read_scores(csv(flipped, "c.csv")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": 1.5}, r"a\.csv, line 2: score is '1\.5'; it must be a number in \[0, 1\]"),
        ({"score": "nan"}, "score is 'nan'"),
        ({"label": "maybe"}, "label is 'maybe'; it must be one of 0, 1, real, fake"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(csv, change, words):
    with pytest.raises(DataError, match=words):
        read_scores(csv(table().assign(**change)))


def test_a_missing_column_is_told(csv, tmp_path):
    with pytest.raises(DataError, match="no column score or p_fake; it has path, label, frame"):
        read_scores(csv(table().drop(columns="score")))
    with pytest.raises(DataError, match="no column label"):
        read_scores(csv(table().drop(columns="label")))
    with pytest.raises(DataError, match="no such file"):
        read_scores(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="not a CSV file"):
        read_scores(tmp_path / "empty.csv")


@pytest.mark.parametrize("column", ["video", "path"])
def test_a_store_knows_labels_people_and_forgeries(csv, store_path, tmp_path, column):
    store_path = shutil.copytree(store_path, tmp_path / "store")
    videos = pd.read_parquet(store_path / "videos.parquet")
    videos["path"] = "/films/" + videos["video"]  # the toy's would name several videos
    videos.to_parquet(store_path / "videos.parquet")
    store = Store(store_path)
    videos = store.videos[store.videos["split"] == "test"]
    scores = np.random.default_rng(0).random(len(videos))
    rows = pd.DataFrame({column: videos[column], "score": scores})
    found = read_scores(csv(rows), [store_path])
    known = store.records.drop_duplicates("video").set_index("video")
    assert found["label"].tolist() == known.loc[videos["video"], "label"].tolist()
    assert found["person"].tolist() == known.loc[videos["video"], "person"].tolist()
    forgeries = set(known.loc[videos["video"], "domain"]) - {"real"}
    assert set(measure(found, replicates=20)["domains"]) == forgeries
    with pytest.raises(DataError, match="video is 'elsewhere'; it must be in a store"):
        read_scores(csv(rows.assign(**{column: "elsewhere"})), [store_path])


def test_a_path_of_several_videos_is_none(csv, store_path):
    rows = pd.DataFrame({"path": [Store(store_path).videos["path"].iloc[0]], "score": [0.5]})
    with pytest.raises(DataError, match="must be in a store of --store"):
        read_scores(csv(rows), [store_path])


def test_the_command_fits_80_columns_and_speaks_json(csv):
    files = [str(csv(table(1.0, 0))), str(csv(table(3.0, 1), "b.csv"))]
    words = ["evaluate", "--scores", files[0], "--scores", files[1]]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    tables = [line for line in result.output.splitlines() if "/" not in line]
    assert max(map(len, tables)) <= 80
    assert result.output.count("TPR at 1% FPR") == 3
    assert "minus" in result.output
    lines = CliRunner().invoke(app, [*words, "--json"]).stdout.splitlines()
    one, two, minus = map(json.loads, lines)
    value = minus["domains"]["fake"]["video"]["auc"]["value"]
    aucs = [file["domains"]["fake"]["video"]["auc"]["value"] for file in (one, two)]
    assert value == pytest.approx(aucs[0] - aucs[1])
