"""Memory of extraction while many videos pass: of the parent and of each worker, by quarters.

    python benchmarks/extraction_memory.py [--videos 10000] [--workers 2]

The videos are hard links to a few rendered ones of 96 x 96 pixels, one frame is taken of each, so
that thousands pass in minutes. Memory is the resident set, in MB (10^6 bytes); a row is the mean
over a quarter of the videos. The last row is the merge, at its peak.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil

from ltw.data.extract import extract
from ltw.media.video import write_video
from ltw.synth.identity import sample_person
from ltw.synth.people import film
from ltw.types import Clip

MB = 1e6


@dataclass(frozen=True)
class Reading:
    """One look at the processes."""

    seconds: float
    videos: int
    parent: float
    workers: tuple[float, ...]


def main() -> None:
    """Extract, watching; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = many_clips(Path(folder) / "videos", args.videos)
        store = Path(folder) / "store"
        readings: list[Reading] = []
        ended = threading.Event()
        watcher = threading.Thread(target=watch, args=(store / "parts", readings, ended))
        watcher.start()
        summary = extract(clips, store, frames=1, size=64, workers=args.workers)
        ended.set()
        watcher.join()
    from machine import describe  # brings PyTorch: not into the workers, nor into the figures

    print(describe())
    print(f"{summary.done} videos in {summary.seconds:.0f} s by {args.workers} workers\n")
    print(table(readings, args.videos))


def many_clips(folder: Path, count: int, originals: int = 4) -> list[Clip]:
    """Give ``count`` names to a few rendered videos."""
    folder.mkdir()
    for k in range(originals):
        rng = np.random.default_rng(k)
        footage = film(sample_person(rng), frames=4, size=96, rng=rng)
        write_video(folder / f"{k:05d}.mp4", footage.frames)
    for k in range(originals, count):
        os.link(folder / f"{k % originals:05d}.mp4", folder / f"{k:05d}.mp4")
    return [
        Clip(path, "many", "real", 0, "c23", f"many/{path.stem}", "train", path.stem, path.stem)
        for path in sorted(folder.iterdir())
    ]


def watch(parts: Path, readings: list[Reading], ended: threading.Event) -> None:
    """Look at the processes every half second until the extraction ends."""
    start = time.monotonic()
    parent = psutil.Process()
    while not ended.wait(0.5):
        videos = sum(1 for _ in parts.glob("*.arrow")) if parts.is_dir() else 0
        workers = []
        for child in parent.children():
            try:
                if "spawn_main" in " ".join(child.cmdline()):
                    workers.append(child.memory_info().rss / MB)
            except psutil.NoSuchProcess:
                continue
        rss = parent.memory_info().rss / MB
        readings.append(Reading(time.monotonic() - start, videos, rss, tuple(workers)))


def table(readings: list[Reading], videos: int) -> str:
    """Markdown: a row a quarter, and one for the merge."""
    work = [r for r in readings if r.workers]
    merge = [r for r in readings if r.seconds > work[-1].seconds]
    rows = ["| videos | seconds | parent | a worker |", "| --- | --- | --- | --- |"]
    for quarter in range(4):
        low, high = videos * quarter // 4, videos * (quarter + 1) // 4
        part = [r for r in work if low < r.videos <= high]
        parent = np.mean([r.parent for r in part])
        worker = np.mean([rss for r in part for rss in r.workers])
        rows.append(f"| to {high} | {part[-1].seconds:.0f} | {parent:.0f} | {worker:.0f} |")
    if merge:
        peak = max(r.parent for r in merge)
        rows.append(f"| merge | {merge[-1].seconds:.0f} | {peak:.0f} | |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
