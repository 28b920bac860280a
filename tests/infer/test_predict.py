"""`ltw predict`: what comes out, where, and with which exit code."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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

    call.model = released
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
    assert len(re.findall(r"│ (looks forged|unclear|no sign of forgery) +│", out)) == 2
    assert "photographs: looks forged from 0.5" in out
    assert "videos: looks forged from 0.5" in out
    assert "does not say on what it was trained" in out


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
    for path in (str(tmp_path / "empty.mp4"), str(tmp_path / "letter.jpg")):
        assert rows[path]["verdict"] == lines[path]["verdict"] == "error"
    assert rows[odd]["sha256"] == lines[odd]["sha256"]
    assert lines[odd]["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert f"CSV: {table}" in err


@pytest.mark.parametrize(
    ("name", "phrase"),
    [("absent.jpg", "no such file"), ("*.jpg", "nothing matches"), ("", "no image and no video")],
)
def test_input_that_names_nothing_is_refused(predict, tmp_path, name, phrase):
    code, out, err = predict(tmp_path / name, "--json")
    assert (code, out) == (2, "")
    assert err.count("error:") == 1
    assert phrase in err


def test_without_a_model_it_says_what_one_is(monkeypatch, capsys, photo):
    monkeypatch.setattr(sys, "argv", ["ltw", "predict", str(photo)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.count("error:") == 1
    for kind in ("demo/runs/ltw", "FOLDER", "FILE.onnx", "hf://owner/name", "no published one"):
        assert kind in err


def test_a_threshold_of_ones_own_decides_in_every_output(predict, photo, tmp_path):
    score = Detector.load(predict.model)(photo).p_fake
    for threshold, verdict, words in (
        (score - 1e-5, "fake", "looks forged"),
        (score + 1e-5, "real", "no sign of forgery"),
    ):
        page, table = tmp_path / "page.html", tmp_path / "table.csv"
        options = ("--threshold", threshold, "--html", page, "--csv", table)
        code, out, err = predict(photo, *options)
        assert code == 0
        assert words in out
        shown = re.search(r"photographs: looks forged from ([\d.]+) on", out)[1]
        assert f"{score:.{len(shown) - 2}f}" in out
        assert (float(f"{score:.{len(shown) - 2}f}") >= float(shown)) == (verdict == "fake")
        (row,) = csv.DictReader(table.open())
        assert (row["verdict"], float(row["threshold"])) == (verdict, threshold)
        assert f'data-verdict="{verdict}"' in page.read_text()
        assert f"Report: {page}" in err
        (line,) = map(json.loads, predict(photo, "--json", *options[:2])[1].splitlines())
        assert (line["verdict"], line["threshold"]) == (verdict, threshold)


def test_a_toy_says_so_in_every_output(predict, photo, release, tmp_path):
    row = {"dataset": "ff", "domain": "real", "split": "train", "videos": 20}
    toy = release(people=["rendered"], method="ltw", sources=["a_swap"], data=[row])
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    _, out, err = predict(photo, "--html", page, "--csv", table, model=toy)
    assert "this is a demo" in err
    assert "Trained by ltw with 20 videos of rendered people" in out
    assert "This is a demo" in page.read_text()
    assert "Trained by ltw with 20 videos of rendered people" in page.read_text()
    (row,) = csv.DictReader(table.open())
    assert (row["demo"], "rendered people" in row["trained"]) == ("True", True)
    (line,) = map(json.loads, predict(photo, "--json", model=toy)[1].splitlines())
    assert line["detector"]["demo"]
    assert any("demo" in warning for warning in line["detector"]["warnings"])


def test_faces_unlike_those_trained_on_are_told(predict, photo, release, tmp_path):
    known = {
        "size": [400.0, 500.0],
        "sharpness": [-9.0, 9.0],
        "noise": [-9.0, 9.0],
        "features": {"mean": [0.0], "std": [1e9], "distance": 1e9},
    }
    page, model = tmp_path / "page.html", release(familiar=known)
    _, _, err = predict(photo, "--html", page, model=model)
    assert "unlike what this detector knows" in err
    assert "Unlike what this detector knows: the face is smaller" in page.read_text()
    (line,) = map(json.loads, predict(photo, "--json", model=model)[1].splitlines())
    assert "than those it was trained on (400 to 500)" in line["unlike"][0]


def test_a_report_begins_with_the_most_suspect_and_names_files_by_checksum(
    predict, photo, clip, tmp_path
):
    page = tmp_path / "report.html"
    (tmp_path / "letter.jpg").write_text("Dear all,")
    files = [tmp_path / "letter.jpg", photo, clip]
    _, out, _ = predict(*files, "--json", "--html", page, "--frames", 2)
    lines = {line["path"]: line for line in map(json.loads, out.splitlines())}
    order = sorted(map(str, files), key=lambda path: -(lines[path]["p_fake"] or -1))
    text = page.read_text()
    places = [text.index(f">{Path(path).name}</h2>") for path in order]
    assert places == sorted(places)
    for path in (photo, clip):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    weights = hashlib.sha256((predict.model / "detector.safetensors").read_bytes()).hexdigest()
    assert f"detector {weights[:12]}" in text
    assert re.search(r"Made \d{4}-\d\d-\d\d \d\d:\d\d UTC by ltw \d", text)


def test_scoring_needs_no_main_guard(photo, released, tmp_path):
    """In a heredoc, as in a notebook, there is no script to import; in a script, no guard."""
    code = (
        "from ltw import Detector\n"
        f"files = [{str(photo)!r}] * 5\n"  # more than are done in one process
        f"found = list(Detector.load({str(released)!r}).predict(files, workers=2))\n"
        "print([p.error for p in found], len({p.p_fake for p in found}))\n"
    )
    (tmp_path / "script.py").write_text(code)
    for words, given in ((["-"], code), ([str(tmp_path / "script.py")], None)):
        done = subprocess.run(
            [sys.executable, *words], input=given, capture_output=True, text=True, timeout=250
        )
        assert done.stdout == "[None, None, None, None, None] 1\n", done.stderr


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
