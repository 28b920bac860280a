"""Where detectors come from: runs, released folders, ONNX files, the hub; and what is none."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, helper

from ltw import Detector
from ltw.errors import DataError

REVISION = "0123456789abcdef0123456789abcdef01234567"


SETTINGS = '{"image_size": 8, "temperature": 2.0, "threshold": 0.7}'


def write_onnx(path, metadata=SETTINGS, out="logits"):
    """A detector made without this package: the logit is the mean red less the mean blue."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["colours"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["colours", "weights"], [out]),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["K", 3, 8, 8])],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["K"])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [3], [1.0, 0.0, -1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if metadata is not None:
        model.metadata_props.add(key="ltw", value=metadata)
    onnx.save(model, path)
    return path


@pytest.fixture
def hub(released, tmp_path, monkeypatch):
    """The hub's cache as huggingface_hub leaves it after a download, and no network."""
    repository = tmp_path / "hub" / "models--someone--faces"
    shutil.copytree(released, repository / "snapshots" / REVISION)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return "hf://someone/faces"


def crops(side=8):
    return np.random.default_rng(0).integers(0, 256, (5, side, side, 3), dtype=np.uint8)


def test_a_run_a_released_folder_and_the_hub_give_the_same(released, hub, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(released, run / "detector")
    expected = Detector.load(released).score(crops())
    sources = {
        run: "run",
        run / "detector": "run",
        released: "tiny",
        hub: "someone/faces",
        f"{hub}@{REVISION}": f"someone/faces@{REVISION}",
    }
    for source, name in sources.items():
        detector = Detector.load(source)
        assert detector.settings.name == name
        assert_allclose(detector.score(crops()), expected)


def test_an_onnx_file_is_scored_by_its_own_settings(tmp_path):
    detector = Detector.load(write_onnx(tmp_path / "small.onnx"))
    settings = detector.settings
    assert (settings.name, settings.image_size) == ("small", 8)
    assert (settings.temperature, settings.threshold) == (2.0, 0.7)
    means = crops().mean(axis=(1, 2)) / 255
    expected = 1 / (1 + np.exp(-(means[:, 0] - means[:, 2]) / 2.0))
    assert_allclose(detector.score(crops()), expected, rtol=1e-5)


def test_an_onnx_file_needs_no_pytorch(tmp_path, photo):
    write_onnx(tmp_path / "small.onnx")
    code = (
        "import sys; import ltw; light = set(sys.modules) & {'numpy', 'cv2', 'torch'};"
        f"p = ltw.Detector.load({str(tmp_path / 'small.onnx')!r})({str(photo)!r});"
        "print(sorted(light), len(p.faces), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[0] == "[] 2 False", done.stderr


def refused(source, *phrases):
    with pytest.raises(DataError) as caught:
        Detector.load(source)
    missing = [phrase for phrase in phrases if phrase not in str(caught.value)]
    assert not missing, str(caught.value)


def test_what_is_no_detector_is_refused_with_the_way_out(tmp_path, hub):
    refused(tmp_path / "absent", "no such file", "hf://owner/name")
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path / "notes.txt", "neither a folder nor an .onnx file")
    (tmp_path / "run").mkdir()
    refused(tmp_path / "run", "no detector here")
    (tmp_path / "run" / "config.toml").write_text("")
    refused(tmp_path / "run", "this run has not ended")
    refused("hf://someone", "hf://owner/name")
    refused("hf://someone/other", "someone/other", "not in the local cache")


def test_damaged_detectors_are_refused(released, tmp_path):
    (tmp_path / "noise.onnx").write_bytes(b"no protobuf")
    refused(tmp_path / "noise.onnx", "not a model that onnxruntime can run")
    refused(write_onnx(tmp_path / "a.onnx", metadata=None), "'ltw' missing", "ltw export")
    refused(write_onnx(tmp_path / "b.onnx", metadata="{"), "damaged")
    refused(write_onnx(tmp_path / "c.onnx", metadata="{}"), "image_size")
    refused(write_onnx(tmp_path / "d.onnx", out="scores"), "outputs ['scores']")
    for key, value in {"temperature": 0, "threshold": 2}.items():
        metadata = json.dumps({"image_size": 8, key: value})
        refused(write_onnx(tmp_path / "e.onnx", metadata=metadata), f"{key} is {value}")
    shutil.copytree(released, tmp_path / "cut")
    (tmp_path / "cut" / "detector.safetensors").write_bytes(b"")
    refused(tmp_path / "cut", "damaged detector")
