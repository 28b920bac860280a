"""Released folders and ONNX files of small runs: what they hold, and that they say the same."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from huggingface_hub import ModelCard
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from ltw import Detector
from ltw.cli import app
from ltw.data.store import Store
from ltw.engine import export
from ltw.engine.export import write_file, write_folder
from ltw.engine.release import release_notes
from ltw.engine.train import train
from ltw.errors import DataError, LTWError
from ltw.export import compare, write_onnx
from ltw.infer.networks import OnnxNetwork
from ltw.models.detector import DetectorNetwork


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished and evaluated run."""
    return shutil.copytree(trained["ltw"], tmp_path / "run")


def crops(n=6, side=32):
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def release(folder):
    return json.loads((folder / "detector.json").read_text())


# What training releases


def test_a_release_says_how_to_feed_and_read_it(trained, store_path, make_config):
    told = release(trained["ltw"] / "detector")
    assert told["preprocessing"] == {
        "colour_order": "RGB",
        "value_range": [0.0, 1.0],
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "crop_size": 32,
        "margin": 4,
        "frames": 3,
    }
    assert told["method"] == "ltw"
    assert told["sources"] == list(make_config().sources)
    records = Store(store_path).records
    for row in told["data"]:
        keys = ("dataset", "domain", "compression", "split")
        faces = records[np.logical_and.reduce([records[key] == row[key] for key in keys])]
        assert (row["faces"], row["videos"]) == (len(faces), faces["video"].nunique())
    assert {row["split"] for row in told["data"]} == {"train", "val"}
    assert {row["domain"] for row in told["data"]} == {"real", *make_config().sources}


def test_thresholds_keep_to_their_rate_on_the_validation_reals(trained, store_path, make_config):
    """Scored again through the released folder, as `ltw predict` would."""
    detector = Detector.load(trained["ltw"] / "detector")
    store = Store(store_path)
    reals = store.records.query("split == 'val' and label == 0")
    scores = detector.score(store.images(reals.index.to_numpy()))
    told = release(trained["ltw"] / "detector")
    assert np.mean(scores >= told["threshold"]) <= 0.05
    videos = pd.Series(scores).groupby(reals["video"].to_numpy()).mean()
    assert np.mean(videos >= told["video_threshold"]) <= 0.05
    assert told["verdicts"]["face"]["reals"] == len(reals)
    assert told["verdicts"]["video"]["reals"] == len(videos)


def test_a_finished_run_can_be_released_with_another_threshold(run, make_config):
    before = release(run / "detector")
    config = make_config("ltw")
    other = config.release.model_copy(update={"false_positive_rate": 0.5})
    train(config.model_copy(update={"release": other}), run, resume=True)
    after = release(run / "detector")
    assert after["verdicts"]["asked"] == 0.5
    assert after["threshold"] < before["threshold"]
    assert after["temperature"] == before["temperature"]


def test_a_threshold_on_few_reals_is_called_coarse_and_unknown_margins_are_said(trained):
    told = release(trained["ltw"] / "detector")
    notes = " ".join(release_notes(told))
    assert "the face threshold is coarse: it rests on 9 genuine faces" in notes
    assert "the video threshold is coarse: it rests on 3 genuine videos" in notes
    assert "came cropped" not in notes
    told["preprocessing"]["margin"] = None
    assert "came cropped" in " ".join(release_notes(told))


# Released folders


def test_a_folder_scores_as_the_run(run, tmp_path):
    write_folder(run, tmp_path / "out")
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"detector.json", "detector.safetensors", "README.md"}
    one, other = Detector.load(run), Detector.load(tmp_path / "out")
    assert np.array_equal(one.score(crops()), other.score(crops()))
    assert other.settings.name == "run"
    assert one.settings.threshold == other.settings.threshold != 0.5


def test_the_card_says_the_runs_own_numbers(run, make_config, tmp_path):
    assert write_folder(run, tmp_path / "out")
    card = ModelCard.load(tmp_path / "out/README.md")
    told, measured = (
        release(tmp_path / "out"),
        json.loads((run / "metrics.json").read_text())["domains"],
    )
    for name, values in measured.items():
        seen = "unseen" if name == make_config().target else "seen"
        for level in ("frame", "video"):
            auc = values[level]["auc"]
            cell = f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]"
            assert f"| {name} | toy c23 | {seen} | {level} | {cell} |" in card.text
    for row in told["data"]:
        assert f"| toy | {row['domain']} | c23 | {row['split']} | {row['faces']} |" in card.text
    low, high = told["verdicts"]["face"]["band"]
    assert f"| a face | {low:.4g}, {high:.4g} | 9 real, 27 fake |" in card.text
    error = told["calibration"]["after"]["expected_calibration_error"]
    assert f"{error:.4f} |" in card.text
    assert "second_order" in card.text
    assert "[focal]" not in card.text
    assert str(make_config().store) not in card.content
    results = card.data.eval_results
    assert len(results) == len(measured) * 4
    frame = [r for r in results if r.dataset_config == f"{make_config().target} c23"]
    assert frame[0].metric_value == pytest.approx(
        measured[make_config().target]["frame"]["auc"]["value"], abs=1e-4
    )
    assert card.data.license == "other"
    assert "Licence: choose one" in card.text


def test_a_card_without_figures_says_so(run, tmp_path):
    (run / "metrics.json").unlink()
    assert not write_folder(run, tmp_path / "out")
    card = ModelCard.load(tmp_path / "out/README.md")
    assert "was not measured on test faces" in card.text
    assert card.data.eval_results is None


def test_folders_of_others_are_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("")
    with pytest.raises(LTWError, match=r"holds other files \(thesis\.tex"):
        write_folder(run, tmp_path / "out")


def test_releases_of_earlier_versions_load_and_say_what_they_lack(run, tmp_path):
    config = {"backbone": "test_efficientnet", "image_size": 32, "threshold": 0.5}
    (run / "detector/detector.json").write_text(json.dumps(config))
    settings = Detector.load(run).settings
    assert (settings.temperature, settings.threshold, settings.video_threshold) == (1.0, 0.5, 0.5)
    write_file(run, tmp_path / "old.onnx")
    with pytest.raises(DataError, match="earlier version"):
        write_folder(run, tmp_path / "out")


# ONNX files


def test_an_onnx_file_scores_as_the_run_in_batches_of_any_size(run, tmp_path):
    exported = write_file(run, tmp_path / "out.onnx")
    assert exported.agreement.faces == 108  # all that training and validation have
    one, other = Detector.load(run), Detector.load(tmp_path / "out.onnx")
    for n in (1, 3, 32):
        assert_allclose(other.score(crops(n)), one.score(crops(n)), atol=1e-4)
    for key in ("name", "threshold", "video_threshold", "temperature"):
        assert getattr(other.settings, key) == getattr(one.settings, key)
    text = (tmp_path / "out.onnx").read_bytes()
    assert re.search(rb"/[\w./-]+\.py", text) is None  # no paths of whoever exports


def test_features_come_with_the_logits(run, tmp_path):
    import onnxruntime

    write_file(run, tmp_path / "out.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"))
    images = np.random.default_rng(0).random((3, 3, 32, 32), dtype=np.float32)
    logits, features = session.run(None, {"images": images})
    with torch.no_grad():
        expected = DetectorNetwork.load(run / "detector")(torch.from_numpy(images))
    assert_allclose(logits, expected[0], atol=1e-4)
    assert_allclose(features, expected[1], atol=1e-3)


def test_a_run_whose_store_is_gone_is_checked_on_noise(run, tmp_path):
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(re.sub("store = .*", 'store = "/nowhere"', config))
    exported = write_file(run, tmp_path / "out.onnx")
    assert (exported.faces, exported.agreement.faces) == ("noise", 200)
    with pytest.raises(LTWError, match="/nowhere is not there: give the run's store"):
        write_file(run, tmp_path / "small.onnx", int8=True)


def test_a_file_that_says_something_else_is_not_written(run, tmp_path, monkeypatch):
    def write_other(detector, path):
        other = DetectorNetwork("test_efficientnet", image_size=32).eval()
        write_onnx(other, path)

    monkeypatch.setattr(export, "write_onnx", write_other)
    with pytest.raises(LTWError, match=r"does not say what PyTorch says: logits differ by"):
        write_file(run, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_int8_is_smaller_and_its_loss_is_measured(run, tmp_path):
    result = CliRunner().invoke(
        app, ["export", str(run), "--to", str(tmp_path / "small.onnx"), "--int8"]
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"int8: AUC [\d.]+ against [\d.]+ in floating point on 36", result.output)
    facts = json.loads(
        {p.key: p.value for p in onnx.load(tmp_path / "small.onnx").metadata_props}["ltw"]
    )
    assert facts["int8"].keys() == {"auc", "auc_float"}
    weights = {t.data_type for t in onnx.load(tmp_path / "small.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in weights
    scores = Detector.load(tmp_path / "small.onnx").score(crops())
    assert np.isfinite(scores).all()


def test_pytorch_is_not_loaded_to_score_by_an_onnx_file(run, tmp_path):
    write_file(run, tmp_path / "out.onnx")
    code = (
        "import sys, numpy; from ltw import Detector;"
        f"d = Detector.load({str(tmp_path / 'out.onnx')!r});"
        "print(d.score(numpy.zeros((2, 40, 40, 3), 'uint8')).shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "(2,) False", done.stderr


ARCHITECTURES = {
    "tf_efficientnet_lite0": 64,
    "efficientnet_b0": 64,
    "legacy_xception": 96,
    "vgg19_bn": 64,
    "vit_tiny_patch16_224": 64,
    "multi_task": 64,
    "forensic_transfer": 64,
}


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_every_architecture_exports(backbone, tmp_path):
    torch.manual_seed(0)
    size = ARCHITECTURES[backbone]
    detector = DetectorNetwork(backbone, image_size=size).eval()
    write_onnx(detector, tmp_path / "out.onnx")
    images = np.random.default_rng(0).random((40, 3, size, size), dtype=np.float32)
    assert compare(detector, tmp_path / "out.onnx", images).close
    with torch.no_grad():
        expected = detector(torch.from_numpy(images))[0]
    found = OnnxNetwork(tmp_path / "out.onnx", "out").logits(images)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


# The command


def test_options_of_files_are_refused_for_folders(run, tmp_path):
    result = CliRunner().invoke(app, ["export", str(run), "--to", str(tmp_path), "--int8"])
    assert result.exit_code == 2
    assert "FILE.onnx" in result.output


def test_a_missing_extra_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr("ltw.export.find_spec", lambda name: None)
    with pytest.raises(LTWError, match=r"pip install 'ltw\[export\]'"):
        write_file(run, tmp_path / "out.onnx")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="no run here"):
        write_folder(tmp_path, tmp_path / "out")
