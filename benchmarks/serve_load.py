"""Load on `ltw serve`: requests a second, latency and memory, one client and eight at a time.

    python benchmarks/serve_load.py [--requests 80] [--workers N] [--model M ...]

Each model is served by the command itself, on a free port; clients send a rendered portrait of
512 x 512 pixels (JPEG) to /api/predict again and again, each over a connection of its own. Memory
is that of all processes together, pages they share counted once, at its highest. Without --model:
a small network and EfficientNet-Lite0, both with random weights, which takes the same time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
from machine import describe

from ltw.models.detector import DetectorNetwork
from ltw.synth.people import film, sample_person

CONCURRENCY = (1, 8)
WARM_UP = 4


@dataclass
class Load:
    """What was measured: each request's seconds, the whole time, the highest memory in MB."""

    seconds: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    memory: float = 0.0


def portrait() -> bytes:
    rng = np.random.default_rng(0)
    image = film(sample_person(rng), frames=1, size=512, rng=rng).frames[0]
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return data.tobytes()


def models(folder: Path) -> list[Path]:
    for backbone, size in (("test_efficientnet", 64), ("tf_efficientnet_lite0", 224)):
        DetectorNetwork(backbone, image_size=size).save(folder / f"{backbone}-{size}")
    return sorted(folder.iterdir(), reverse=True)


@contextmanager
def served(model: Path, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    command = [sys.executable, "-m", "ltw", "serve", "--model", str(model), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = ""
        while "http://" not in line:
            line = process.stderr.readline()
            if not line:
                raise SystemExit(f"{model}: the service did not start")
        url = line.split(" at ")[1].split()[0]
        while httpx.get(f"{url}/health").json()["workers"] < workers:
            time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def megabytes(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(getattr(info, "pss", info.rss)) / 1e6


def put_load(url: str, service: psutil.Process, image: bytes, clients: int, requests: int) -> Load:
    load, done = Load(), threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            family = [service, *service.children(recursive=True)]
            load.memory = max(load.memory, sum(map(megabytes, family)))

    def client(count: int) -> None:
        with httpx.Client(base_url=url, timeout=120) as session:
            for _ in range(count):
                began = time.perf_counter()
                session.post("/api/predict", files={"file": image}).raise_for_status()
                load.seconds.append(time.perf_counter() - began)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, [requests // clients] * clients))
    load.elapsed = time.perf_counter() - began
    done.set()
    watcher.join()
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=80)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--model", type=Path, nargs="*")
    arguments = parser.parse_args()
    print(f"{describe()}; {arguments.workers} workers, {arguments.requests} requests each\n")
    print("| model | clients | requests/s | p50 ms | p99 ms | memory MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    image = portrait()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model or models(Path(folder)):
            with served(model, arguments.workers) as (url, service):
                put_load(url, service, image, arguments.workers, WARM_UP * arguments.workers)
                for clients in CONCURRENCY:
                    load = put_load(url, service, image, clients, arguments.requests)
                    p50, p99 = 1000 * np.percentile(load.seconds, [50, 99])
                    rate = len(load.seconds) / load.elapsed
                    print(
                        f"| {model.name} | {clients} | {rate:.1f} | {p50:.0f} | {p99:.0f} "
                        f"| {load.memory:.0f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
