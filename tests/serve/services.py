"""Services to test, and what a client does with them."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import tomli_w
from starlette.testclient import TestClient

from ltw.serve import Limits, Pool, Results, create_app

LIMITS = Limits(
    megabytes=0.5,
    megapixels=0.3,
    video_megapixels=0.2,
    video_seconds=2.0,
    seconds=20.0,
    frames=4,
    queue=2,
)


@contextmanager
def serving(model, limits, workers=1):
    pool = Pool(str(model), limits, workers)
    pool.start()
    app = create_app(pool, Results(limits.keep))
    try:
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            client.pool = pool
            yield client
    finally:
        pool.close()


@contextmanager
def command(model, *options, config=None, folder=None):
    """Run ``ltw serve`` as a user does; yields its process, with ``url`` and a client."""
    environment = os.environ | ({"TMPDIR": str(folder)} if folder else {})
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(tomli_w.dumps(config or {}))
        file.flush()
        options = ["--model", model, "--port", "0", "--config", file.name, *options]
        with _running(options, environment) as process:
            yield process


@contextmanager
def _running(options, environment):
    process = subprocess.Popen(
        [sys.executable, "-m", "ltw", "serve", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        line = process.said = process.stderr.readline()
        while "http://" not in line:
            assert line, "ended before it served"
            line = process.stderr.readline()
            process.said += line
        process.url = line.split(" at ")[1].split()[0]
        with httpx.Client(base_url=process.url, timeout=60) as client:
            process.client = client
            yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def send(client, path, to="/api/predict", name=None, **options):
    with Path(path).open("rb") as file:
        return client.post(to, files={"file": (name or Path(path).name, file)}, **options)


def ended(client, job, seconds=60):
    """Ask for a job until it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        view = client.get(f"/api/jobs/{job}").json()
        if view.get("state") not in ("waiting", "working"):
            return view
        time.sleep(0.05)
    raise AssertionError(f"still {view}")


def workers(of=None):
    """The worker processes of this process, or of another."""
    children = psutil.Process(of).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)
