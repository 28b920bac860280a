"""Scores to a file, metrics from the file: against scikit-learn, and when things go wrong."""

import json
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as sk

from ltw.engine.evaluate import measure, predict_to_file, write_metrics
from ltw.errors import DataError


class FakeStore:
    """Faces whose grey level is their number, so that a predictor can tell which it was given."""

    def __init__(self, records: pd.DataFrame, size: int = 8):
        self.records, self.size, self.largest_request = records, size, 0
        self.path = Path("faces")

    def images(self, indices):
        self.largest_request = max(self.largest_request, len(indices))
        grey = np.asarray(indices, np.uint8)[:, None, None, None]
        return np.broadcast_to(grey, (len(indices), self.size, self.size, 3)).copy()


def faces(domains=("real", "swap", "mouth"), videos=6, frames=4, **columns) -> pd.DataFrame:
    rows = [
        {
            "dataset": "synth",
            "domain": domain,
            "label": int(domain != "real"),
            "compression": "c23",
            "video": f"synth/{domain}/c23/{v:03d}",
            "frame": 10 * f,
            "split": "test",
            "person": f"p{v}",
            "donor_person": "",
        }
        for domain in domains
        for v in range(videos)
        for f in range(frames)
    ]
    return pd.DataFrame(rows).assign(**columns)


def grey(images: torch.Tensor) -> torch.Tensor:
    return images.mean(dim=(1, 2, 3))


def predictions(seed: int = 0, **columns) -> pd.DataFrame:
    table = faces(**columns)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=len(table)) + table["label"]
    return table.assign(index=range(len(table)), p_fake=1 / (1 + np.exp(-noise)))


def test_every_face_gets_its_own_score(tmp_path):
    store = FakeStore(faces())
    indices = np.random.default_rng(0).permutation(len(store.records))[:50]
    done = []
    out = tmp_path / "deep" / "predictions.parquet"
    predict_to_file(
        grey, [(store, indices)], out, image_size=4, batch_size=7, on_batch=lambda n: done.append(n)
    )
    table = pd.read_parquet(out)
    assert table["index"].tolist() == indices.tolist()
    np.testing.assert_allclose(table["p_fake"], indices / 255, atol=1e-6)
    for name in ("dataset", "domain", "label", "compression", "video", "frame", "split"):
        assert table[name].tolist() == store.records.iloc[indices][name].tolist()
    assert done == [7] * 7 + [1]
    assert store.largest_request == 7


def test_predictor_sees_the_asked_size(tmp_path):
    shapes = set()

    def predict(images):
        shapes.add((images.dtype, *images.shape[1:]))
        assert not torch.is_grad_enabled()
        return grey(images)

    predict_to_file(predict, [(FakeStore(faces()), range(9))], tmp_path / "p.parquet", image_size=5)
    assert shapes == {(torch.float32, 3, 5, 5)}


def test_non_finite_probability_names_the_face_and_leaves_no_file(tmp_path):
    def predict(images):
        p = grey(images)
        return torch.where((p * 255).round() == 30, torch.nan, p)

    with pytest.raises(DataError, match=r"face 30 \(video synth/swap/c23/001, frame 20\)"):
        predict_to_file(
            predict, [(FakeStore(faces()), range(72))], tmp_path / "p.parquet", image_size=4
        )
    assert list(tmp_path.iterdir()) == []


def test_empty_selection(tmp_path):
    with pytest.raises(DataError, match="no faces to score"):
        predict_to_file(grey, [(FakeStore(faces()), [])], tmp_path / "p.parquet", image_size=4)


def test_a_failed_run_keeps_the_earlier_file(tmp_path):
    out = tmp_path / "p.parquet"
    predict_to_file(grey, [(FakeStore(faces()), range(5))], out, image_size=4)

    def interrupted(images):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_to_file(interrupted, [(FakeStore(faces()), range(72))], out, image_size=4)
    assert len(pd.read_parquet(out)) == 5
    assert list(tmp_path.iterdir()) == [out]


def test_killed_run_leaves_no_predictions_file(tmp_path):
    out = tmp_path / "p.parquet"
    script = f"""
import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_evaluate as t
def slow(images):
    if (images.max() * 255).round() > 20:
        print("scoring", flush=True); time.sleep(60)
    return t.grey(images)
t.predict_to_file(slow, [(t.FakeStore(t.faces()), range(72))], Path({str(out)!r}),
                  image_size=4, batch_size=5)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"scoring\n"
        process.send_signal(signal.SIGKILL)
    assert not out.exists()


def test_memory_holds_a_batch_whatever_the_number_of_faces(tmp_path):
    peaks = []
    for n in (128, 1024):
        store = FakeStore(faces(frames=n // 16, videos=16), size=64)
        rows = [i % 200 for i in range(n)]
        tracemalloc.start()
        predict_to_file(grey, [(store, rows)], tmp_path / "p.parquet", image_size=64, batch_size=16)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 600_000  # the 896 further images alone are 11 MB


def test_metrics_file_equals_scikit_learn(tmp_path):
    table = predictions()
    table.to_parquet(tmp_path / "predictions.parquet")
    write_metrics(tmp_path / "predictions.parquet", tmp_path / "metrics.json")
    result = json.loads((tmp_path / "metrics.json").read_text())
    assert set(result["domains"]) == {"swap", "mouth"}
    for domain, entry in result["domains"].items():
        own = table[table["domain"].isin(["real", domain])]
        assert (entry["frames"], entry["videos"]) == (48, 12)
        by_video = own.groupby("video").agg({"label": "first", "p_fake": "mean"})
        for at, rows in (("frame", own), ("video", by_video)):
            y, p = rows["label"], rows["p_fake"]
            got = {name: m["value"] for name, m in entry[at].items()}
            assert got["acc"] == pytest.approx(sk.accuracy_score(y, p > 0.5))
            assert got["auc"] == pytest.approx(sk.roc_auc_score(y, p))
            assert got["log_loss"] == pytest.approx(sk.log_loss(y, p))
            assert all(m["low"] <= m["value"] <= m["high"] for m in entry[at].values())
        assert entry["frame"]["auc"]["low"] < entry["frame"]["auc"]["high"]
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_reals_of_another_dataset_or_compression_do_not_count():
    here = predictions(domains=("real", "swap"))
    other = predictions(domains=("real",), dataset="other").assign(p_fake=0.99)
    other["video"] = other["video"].str.replace("synth", "other")
    harder = predictions(domains=("real",), compression="c40").assign(p_fake=0.99)
    harder["video"] = harder["video"].str.replace("c23", "c40")
    alone = measure(here, replicates=10)["domains"]
    assert measure(pd.concat([here, other, harder]), replicates=10)["domains"] == alone


def test_same_name_in_two_compressions_stays_apart():
    low = predictions(compression="c40", seed=1)
    low["video"] = low["video"].str.replace("c23", "c40")
    got = measure(pd.concat([predictions(), low]), replicates=10)
    assert "synth/swap/c23" in got["domains"]
    assert got["domains"]["synth/swap/c40"] == measure(low, replicates=10)["domains"]["swap"]


def test_a_domain_without_reals_is_noted_and_the_others_are_measured():
    lone = predictions(domains=("celeb",), dataset="celeb-df")
    got = measure(pd.concat([predictions(), lone]), replicates=10)
    assert set(got["domains"]) == {"swap", "mouth"}
    assert got["notes"] == ["celeb: not measured, no real faces of celeb-df at c23"]
    with pytest.raises(DataError, match="celeb: not measured"):
        measure(lone)


def test_one_video_a_class_has_values_but_no_interval():
    got = measure(predictions(videos=1))
    assert got["domains"]["swap"]["frame"]["auc"]["low"] is None
    assert "swap: no intervals, fewer than two videos of a class" in got["notes"]
    json.dumps(got, allow_nan=False)


def test_only_reals():
    with pytest.raises(DataError, match="every face is real"):
        measure(predictions(domains=("real",)))


def test_damaged_predictions(tmp_path):
    with pytest.raises(DataError, match="no such predictions file"):
        measure(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(DataError, match="not a readable parquet"):
        measure(tmp_path / "text.parquet")
    with pytest.raises(DataError, match="lack the columns video"):
        measure(predictions().drop(columns="video"))
    with pytest.raises(DataError, match="NaN"):
        measure(predictions().assign(p_fake=float("nan")))
    table = predictions()
    table.loc[0, "split"] = "train"
    with pytest.raises(DataError, match="mix the splits test, train"):
        measure(table)
