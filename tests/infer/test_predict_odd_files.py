"""`ltw predict` on what people really have: every file is scored, or listed with the reason."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image
from test_predict import predict  # noqa: F401 - the fixture

from ltw.media.video import write_video


@pytest.fixture
def swamp(clip, photo, tmp_path):
    """A folder with two sound files, one of them linked, among such as no decoder expects."""
    folder, elsewhere = tmp_path / "swamp", tmp_path / "elsewhere"
    (folder / ".cache").mkdir(parents=True)
    elsewhere.mkdir()
    shutil.copy(photo, folder / "sound.png")
    shutil.copy(clip, elsewhere / "12:30.mp4")
    shutil.copy(photo, folder / ".cache" / "hidden.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "linked" / "back").symlink_to(folder)
    data = photo.read_bytes()
    (folder / "half.png").write_bytes(data[: len(data) // 2])
    (folder / "list.mp4").write_text("ffconcat version 1.0\nfile linked/12:30.mp4\n")
    Image.new("L", (1, 3000)).save(folder / "strip.png")
    (folder / "notes.xyz").write_text("Dear all,")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / os.fsdecode(b"\xff\x1b]0;owned\x07.jpg")).write_text("rubbish")
    return folder


def test_every_file_of_a_folder_is_scored_or_listed(predict, swamp, tmp_path):  # noqa: F811
    table = tmp_path / "table.csv"
    code, out, err = predict(swamp, "--csv", table, "--html", tmp_path / "a.html", "--frames", 2)
    assert code == 1
    with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = {os.path.relpath(row["path"], swamp): row for row in csv.DictReader(file)}
    scored = [name for name, row in rows.items() if not row["error"]]
    assert sorted(scored) == ["linked/12:30.mp4", "sound.png"]
    listed = ("half.png", "list.mp4", "strip.png", "notes.xyz", "gone.jpg", "owned")
    assert all(err.count(name) == 1 for name in listed), err
    assert "hidden.png" not in out + err
    assert "hidden files or folders" in err
    assert not {"\x1b", "\x07", "\udcff"} & set(out + err)
    assert (tmp_path / "a.html").is_file()


def test_limits_can_be_raised_and_a_traceback_shown(predict, swamp, monkeypatch):  # noqa: F811
    monkeypatch.setenv("LTW_DEBUG", "")
    code, out, _ = predict(swamp / "strip.png", "--max-aspect", 5000, "--json")
    assert (code, json.loads(out)["error"]) == (0, None)
    code, out, _ = predict(swamp / "sound.png", "--max-megapixels", 0.01, "--json")
    assert code == 1
    assert "megapixels" in json.loads(out)["error"]
    code, _, err = predict(swamp / "half.png", "--debug")
    assert (code, "Traceback" in err) == (1, True)


def test_a_warning_is_part_of_the_result(predict, photo, tmp_path):  # noqa: F811
    image = Image.open(photo)
    image.save(tmp_path / "a.tif", save_all=True, append_images=[image])
    code, out, err = predict(tmp_path / "a.tif", "--json")
    assert (code, json.loads(out)["warning"]) == (0, "the first of 2 pages")
    assert "the first of 2 pages" in err


@pytest.mark.slow
def test_results_are_written_before_a_terminal_can_refuse_them(clip, released, tmp_path):
    odd = tmp_path / "日本 Zoë.mp4"
    shutil.copy(clip, odd)
    command = [sys.executable, "-m", "ltw", "predict", odd, "--model", released]
    more = ["--csv", tmp_path / "a.csv", "--frames", "1", "--workers", "1"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(
        [*map(str, command + more)], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"?? Zo?" in done.stdout
    assert "日本 Zoë" in (tmp_path / "a.csv").read_text()


@pytest.mark.slow
def test_a_folder_named_as_a_protocol_asks_nobody(takes, released, tmp_path):
    """With the folder ``http:`` FFmpeg's own reading would ask the server ``127.0.0.1:PORT``."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        host = f"127.0.0.1:{server.getsockname()[1]}"
        write_video(tmp_path / "http:" / host / "a.mp4", takes[0][:2])
        command = [sys.executable, "-m", "ltw", "predict", ".", "--model", released, "--json"]
        done = subprocess.run(
            [*map(str, command)], capture_output=True, cwd=tmp_path, check=False, text=True
        )
        with pytest.raises(TimeoutError):
            server.accept()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == f"http:/{host}/a.mp4"
