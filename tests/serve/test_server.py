"""The command: told to end, killed, misused; nothing of a user's file is left behind."""

import os
import signal
import subprocess
import sys

import pytest
from services import command, ended, send, until, workers

from ltw.serve import uploads

pytestmark = pytest.mark.slow


def run(*options):
    return subprocess.run(
        [sys.executable, "-m", "ltw", "serve", *options],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_sigterm_finishes_what_was_accepted_and_takes_nothing_new(model, files):
    with command(model, "--workers", "1") as service:
        (worker,) = workers(service.pid)
        worker.suspend()
        job = send(service.client, files / "photo.png", "/api/jobs").json()["id"]
        service.send_signal(signal.SIGTERM)
        until(lambda: service.client.get("/health/ready").status_code == 503)
        refused = send(service.client, files / "photo.png")
        assert refused.status_code == 503
        assert "shutting down" in refused.json()["error"]
        worker.resume()
        assert ended(service.client, job)["state"] == "done"
        assert service.wait(10) == 0
        until(lambda: not worker.is_running())


def test_sigterm_waits_no_longer_than_it_was_told(model, files):
    with command(model, "--workers", "1", config={"grace": 1}) as service:
        (worker,) = workers(service.pid)
        worker.suspend()
        send(service.client, files / "photo.png", "/api/jobs")
        service.send_signal(signal.SIGTERM)
        assert service.wait(15) == 0
        until(lambda: not worker.is_running())


def test_a_killed_service_leaves_no_file_and_no_process(model, files, tmp_path):
    with command(model, "--workers", "1", folder=tmp_path) as service:
        (worker,) = workers(service.pid)
        worker.suspend()
        send(service.client, files / "clip.mp4", "/api/jobs")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
        service.kill()
        worker.resume()
        until(lambda: not worker.is_running())
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_where_files_have_names_the_next_start_looks_after_crashes(tmp_path, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(uploads.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"{uploads.PREFIX}{gone.pid}-x").touch()
    mine = tmp_path / f"{uploads.PREFIX}{os.getpid()}-x"
    mine.touch()
    uploads.sweep()
    assert list(tmp_path.iterdir()) == [mine]


def test_mistakes_are_one_message(model, tmp_path):
    with command(model, "--workers", "1") as service:
        taken = service.url.rpartition(":")[2]
        answer = run("--model", str(model), "--port", taken)
        assert answer.returncode == 2
        assert f"cannot listen on 127.0.0.1:{taken}" in answer.stderr
        assert "the port is in use" in answer.stderr
        assert "--port" in answer.stderr
    answer = run("--model", str(tmp_path), "--port", "0")
    assert answer.returncode == 2
    loading, *message = answer.stderr.splitlines()
    assert loading == f"loading {tmp_path} ..."
    assert len(message) == 1
    assert "no detector here" in answer.stderr


def test_a_warning_when_others_can_reach_it(model):
    with command(model, "--host", "0.0.0.0", "--workers", "1") as service:
        assert "0.0.0.0" in service.url
        assert "warning" in service.said
        port = service.url.rpartition(":")[2]
        get = service.client.get
        assert get(f"http://127.0.0.1:{port}/health").status_code == 200
        named = {"Host": "some.name"}
        assert get(f"http://127.0.0.1:{port}/health", headers=named).status_code == 403


def test_without_the_extra_it_says_what_to_install(model):
    hidden = "import sys; sys.modules['fastapi'] = None; from ltw.cli import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", hidden, "serve", "--model", str(model)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 2
    assert "pip install 'ltw[serve]'" in answer.stderr
