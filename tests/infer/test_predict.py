"""`ltw predict`: what comes out, where, and with which exit code."""

import csv
import json
import os
import re
import shutil
import sys

import pytest
import torch
from numpy.testing import assert_allclose
from test_model_sources import write_onnx

from ltw import Detector, cli
from ltw.infer import find_faces
from ltw.infer.heat import heat_maps


@pytest.fixture
def predict(monkeypatch, capsys, released):
    """``predict(path, ..., "--json")``: exit code, standard output, standard error."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def call(*arguments, model=released):
        capsys.readouterr()
        words = ["ltw", "predict", *map(str, arguments), "--model", str(model), "--workers", "1"]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def mixed(clip, photo, tmp_path):
    """A folder with a photograph, a video below it, a hidden file and a file of another kind."""
    folder = tmp_path / "mixed"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(photo, folder / "a.PNG")
    shutil.copy(clip, folder / "deeper" / "b.mp4")
    (folder / "._a.png").write_text("of a file manager")
    (folder / "notes.txt").write_text("Dear all,")
    return folder


def test_json_is_one_object_a_line_and_nothing_else(predict, mixed):
    code, out, err = predict(mixed, "--json", "--frames", 2)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [line["path"] for line in lines] == [
        str(mixed / "a.PNG"),
        str(mixed / "deeper" / "b.mp4"),
    ]
    assert [line["kind"] for line in lines] == ["image", "video"]
    assert [len(line["faces"]) for line in lines] == [2, 2]
    assert "notes.txt: neither a picture nor a video" in err
    assert "1 hidden files or folders, which are not looked at" in err


def test_the_table_names_every_file_and_its_verdict(predict, mixed):
    code, out, _ = predict(mixed / "a.PNG", mixed / "deeper", "--frames", 2)
    assert code == 0
    assert "a.PNG" in re.sub(r"[\s│]", "", out)
    assert len(re.findall(r"│ (real|fake) +│", out)) == 2


def test_files_that_fail_are_listed_and_the_rest_is_scored(predict, photo, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear all,")
    (tmp_path / "empty.mp4").touch()
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff.png")
    shutil.copy(photo, odd)
    table = tmp_path / "table.csv"
    code, out, err = predict(f"{tmp_path}/*.*", "--json", "--csv", table)
    lines = {line["path"]: line for line in map(json.loads, out.splitlines())}
    assert code == 1
    assert "letter.jpg: not an image" in err
    assert "empty.mp4: is empty" in err
    assert lines[str(tmp_path / "letter.jpg")]["error"] == "not an image"
    assert lines[odd]["error"] is None
    with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(lines)
    assert float(rows[odd]["p_fake"]) == lines[odd]["p_fake"]
    assert rows[str(tmp_path / "empty.mp4")]["error"] == "is empty"


@pytest.mark.parametrize(
    ("name", "phrase"),
    [("absent.jpg", "no such file"), ("*.jpg", "nothing matches"), ("", "no image and no video")],
)
def test_input_that_names_nothing_is_refused(predict, tmp_path, name, phrase):
    code, out, err = predict(tmp_path / name, "--json")
    assert (code, out) == (2, "")
    assert err.count("error:") == 1
    assert phrase in err


def test_a_model_that_is_none_is_refused(predict, photo, tmp_path):
    code, out, err = predict(photo, model=tmp_path / "absent")
    assert (code, out) == (2, "")
    assert "no such file or folder" in err
    assert "Traceback" not in err


def test_the_report_is_one_file_with_everything_in_it(predict, mixed, tmp_path):
    page = tmp_path / "report.html"
    (tmp_path / "bad<b>.jpg").write_text("Dear all,")
    code, _, _ = predict(mixed, tmp_path / "bad<b>.jpg", "--html", page, "--frames", 3)
    text = page.read_text()
    assert code == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)|url\(|@import|https?://', text)
    assert text.count('class="box') == 2 + 3
    assert text.count("<svg") == 1
    assert text.count("brighter where it speaks for a forgery") == 2 + 3
    assert "bad&lt;b&gt;.jpg" in text
    assert "not an image" in text
    assert "It is no proof" in text


def test_the_report_of_an_onnx_file_says_why_it_has_no_heat_maps(predict, photo, tmp_path):
    page = tmp_path / "report.html"
    code, _, _ = predict(photo, "--html", page, model=write_onnx(tmp_path / "small.onnx"))
    assert code == 0
    assert "Why there are no heat maps" in page.read_text()


def test_a_heat_map_is_what_each_place_adds_to_the_logit(released, photo):
    # with average pooling and one linear unit, that is the map times the weights (CVPR 2016, CAM)
    detector = Detector.load(released)
    images = detector.prepare(find_faces(photo).crops)
    module = detector.network.module
    features = module.features(module.normalize(torch.from_numpy(images))).detach()
    side = features.shape[-1]  # maps of the feature map's own size: nothing is smoothed
    adds = (features * module.head.weight.detach()[0, :, None, None]).sum(1) / side**2
    maps = heat_maps(detector.network, images, side)
    assert_allclose(maps, adds.clamp(min=0).numpy(), rtol=1e-4, atol=1e-7)
