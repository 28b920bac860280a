"""Videos to faces: `ltw extract`'s code against the loop that one writes first, in one run.

    python benchmarks/extraction_speed.py [--rounds 3] [VIDEO ...]

The plain loop decodes every frame in order to RGB, runs the same MTCNN on the wanted ones at full
size, for faces of the same least size, and writes the same crops with the same encoder; it is told
the number of frames for nothing. Both run in one process with one thread, in turn. Shares
are of processor time. Without VIDEOs two clips are made, rendered people who move before a textured
background that moves (x264, crf 23); both loops also run on all cores, and the figures are
multiplied out for whole data sets.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import av
import cv2
import numpy as np
from joblib import Parallel, delayed
from machine import describe
from numpy.typing import NDArray
from PIL import Image

from ltw.data import clips
from ltw.data.store import Parameters
from ltw.data.store_writer import part_path, write_part
from ltw.faces import DETECTION_SIDE, MIN_SIZE, Box, crop, crop_box, detect_faces, iou
from ltw.media.sampling import evenly_spaced
from ltw.media.video import sample_frames, write_video
from ltw.synth.people import film, sample_person
from ltw.types import Clip

STAGES = ("decode", "detect", "crop", "write")
FRAMES = (10, 32)
CLIPS = {"640x480": (640, 480, 360), "1920x1080": (1920, 1080, 480)}
"""Width, height and the side of the rendered person, whose face takes about 0.43 of it."""
CLIP_FRAMES = 300
DATA_SETS = (  # videos, frames a video, the clip that is nearest
    ("FaceForensics++, one compression", 5 * 1000, 500, "640x480"),
    ("Celeb-DF v2", 590 + 300 + 5639, 390, "640x480"),
    ("DFDC", 119_154, 300, "1920x1080"),
)


@dataclass
class Run:
    """One video done once: boxes by frame, seconds by stage (processor time), bytes written."""

    boxes: dict[int, Box] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    cpu: float = 0.0
    wall: float = 0.0
    bytes: int = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's processor time to a stage."""
        start = time.process_time()
        yield
        self.stages[name] += time.process_time() - start

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its processor time counted to a stage."""

        @wraps(function)
        def wrapper(*args: Any, **options: Any) -> Any:
            with self.stage(name):
                return function(*args, **options)

        return wrapper


Loop = Callable[[Path, int, int, Path], Run]


def plain(path: Path, total: int, n: int, out: Path) -> Run:
    """Decode all, detect at full size, crop, write files."""
    run, wanted, last = Run(), set(evenly_spaced(total, n)), None
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        frames = container.decode(video=0)
        for index in range(total):
            with run.stage("decode"):
                image = np.asarray(next(frames).to_ndarray(format="rgb24"), np.uint8)
            if index not in wanted:
                continue
            with run.stage("detect"):
                least = MIN_SIZE * max(1.0, max(image.shape) / DETECTION_SIDE)
                found = [detection.box for detection in detect_faces(image, least)]
                if last is not None:
                    box = last
                    found = sorted(
                        (b for b in found if iou(b, box) > 0), key=lambda b: -iou(b, box)
                    )
            if not found:
                continue
            last = run.boxes[index] = found[0]
            with run.stage("crop"):
                face = crop(image, crop_box(last))
            with run.stage("write"):
                file = out / f"{path.stem}-{index}.webp"
                Image.fromarray(face).save(file, "WEBP", lossless=True, method=0)
            run.bytes += file.stat().st_size
    return run


def ours(path: Path, total: int, n: int, out: Path) -> Run:
    """What a worker of `ltw extract` does with a video."""
    run = Run()
    clip = Clip(path, "d", "real", 0, "c23", f"{path.stem}-{n}", "train", path.stem, path.stem)
    stages = (("sample_frames", "decode"), ("follow_person", "detect"), ("crop", "crop"))
    with ExitStack() as stack:
        for function, stage in stages:
            timed = run.timed(stage, getattr(clips, function))
            stack.enter_context(patch.object(clips, function, timed))
        part = clips.extract_clip(clip, Parameters(n, 16, 224))
    with run.stage("write"):
        write_part(out, part)
    run.boxes = {face.frame: face.box for face, _, _ in part.faces}
    run.bytes = part_path(out, clip.video).stat().st_size
    return run


def once(loop: Loop, path: Path, total: int, n: int, out: Path) -> Run:
    """Run a loop over a video and take its time."""
    cv2.setNumThreads(1)
    wall, cpu = time.perf_counter(), time.process_time()
    run = loop(path, total, n, out)
    run.wall, run.cpu = time.perf_counter() - wall, time.process_time() - cpu
    return run


def make_clip(path: Path, width: int, height: int, side: int) -> None:
    """A person who wanders before a background that pans, forwards and backwards through a take."""
    rng = np.random.default_rng(0)
    take = film(sample_person(rng), frames=24, size=side, rng=rng).frames
    take = np.concatenate([take, take[-2:0:-1]])
    room, noise = texture(height + 80, width + 80, rng), rng.normal(0, 3, (height + 99, width + 99))

    def frames() -> Iterator[NDArray[np.uint8]]:
        for k in range(CLIP_FRAMES):
            left, top = int(40 + 39 * np.sin(k / 23)), int(40 + 39 * np.cos(k / 31))
            picture = room[top : top + height, left : left + width].copy()
            x = int((width - side) / 2 * (1 + 0.25 * np.sin(k / 60)))
            y = int((height - side) * (0.6 + 0.1 * np.cos(k / 45)))
            picture[y : y + side, x : x + side] = take[k // 2 % len(take)]
            dx, dy = rng.integers(0, 99, 2)
            grain = noise[dy : dy + height, dx : dx + width, None]
            yield np.clip(picture + grain, 0, 255).astype(np.uint8)

    write_video(path, frames(), fps=30, crf=23)


def texture(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blobs of several sizes in colour, uint8 (H, W, 3)."""
    out = np.zeros((height, width, 3), np.float32)
    for size in (4, 16, 64, 256):
        cells = rng.standard_normal((height // size + 2, width // size + 2, 3)).astype(np.float32)
        out += cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC) * size**0.5
    return np.asarray(255 * (out - out.min()) / np.ptp(out), np.uint8)


def compare(name: str, path: Path, rounds: int, out: Path) -> dict[int, Run]:
    """Print one video's figures; return our median run for each number of frames."""
    total, size = sample_frames(path, 1).total, path.stat().st_size
    print(f"\n{Path(name).name}: {total} frames, {size / 2**20:.1f} MiB")
    print("| frames | loop | faces/s | CPU s | decode | detect | crop | write | faces |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    medians = {}
    for n in FRAMES:
        pairs: list[tuple[Run, Run]] = []
        for turn in range(rounds + 1):
            order: list[Loop] = [plain, ours] if turn % 2 else [ours, plain]
            done = {loop: once(loop, path, total, n, out) for loop in order}
            pairs.append((done[plain], done[ours]))
        pairs = pairs[1:]  # the first loads networks and fills caches
        for label, runs in zip(("plain", "ltw"), zip(*pairs, strict=True), strict=True):
            print(f"| {n} | {label} | {summary(runs)} |")
        medians[n] = middle([run for _, run in pairs])
        print(f"\n{n} frames: {verdict(pairs)}\n", flush=True)
    return medians


def middle(runs: Sequence[Run]) -> Run:
    """The run of median processor time."""
    return sorted(runs, key=lambda run: run.cpu)[len(runs) // 2]


def summary(runs: Sequence[Run]) -> str:
    """Cells: faces a second, seconds, shares of the stages, faces."""
    run = middle(runs)
    rate = statistics.median(len(run.boxes) / run.wall for run in runs)
    shares = " | ".join(f"{100 * run.stages[stage] / run.cpu:.0f}%" for stage in STAGES)
    return f"{rate:.1f} | {run.cpu:.3f} | {shares} | {len(run.boxes)}"


def verdict(pairs: Sequence[tuple[Run, Run]]) -> str:
    """How many times faster, and if the same faces were found."""
    wall = statistics.median(a.wall / b.wall for a, b in pairs)
    cpu = statistics.median(a.cpu / b.cpu for a, b in pairs)
    first, second = (run.boxes for run in pairs[0])
    both = first.keys() & second.keys()
    overlaps = [iou(first[k], second[k]) for k in both]
    sides = [side(second[k]) / side(first[k]) for k in both]
    same = (
        f"IoU mean {np.mean(overlaps):.3f}, least {min(overlaps):.3f}, at least 0.8 in "
        f"{sum(v >= 0.8 for v in overlaps)}; side of the box x {np.median(sides):.3f}"
        if both
        else "no face in common"
    )
    return (
        f"{wall:.2f} times as fast ({cpu:.2f} by processor time); faces found by plain "
        f"{len(first)}, by ltw {len(second)}, by both {len(both)}: {same}"
    )


def side(box: Box) -> float:
    """The longer side of a box."""
    return max(box[2] - box[0], box[3] - box[1])


def all_cores(name: str, path: Path, out: Path) -> None:
    """Both loops over copies of a video, a process a core."""
    cores, total, n = os.cpu_count() or 1, sample_frames(path, 1).total, FRAMES[0]
    jobs = 4 * cores
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    with Parallel(n_jobs=cores, batch_size=1) as pool:
        for turn in range(3):
            for loop in (plain, ours) if turn % 2 else (ours, plain):
                start = time.perf_counter()
                runs = pool(delayed(once)(loop, path, total, n, out / str(k)) for k in range(jobs))
                faces = sum(len(run.boxes) for run in runs)
                if turn:  # in the first the workers start
                    rates[loop.__name__].append(faces / (time.perf_counter() - start))
    a, b = (statistics.median(rates[key]) for key in ("plain", "ours"))
    print(
        f"{name}, {n} frames, {cores} processes: plain {a:.0f}, ltw {b:.0f} faces/s, x {b / a:.2f}"
    )


def multiply_out(measured: dict[str, dict[int, Run]]) -> None:
    """Print hours of one core and sizes of stores for whole data sets."""
    print("\n| data set | videos | " + " | ".join(f"{n} frames" for n in FRAMES) + " |")
    print("| --- | --- | " + " | ".join("---" for _ in FRAMES) + " |")
    for name, videos, frames, kind in DATA_SETS:
        cells = []
        for n in FRAMES:
            run = measured[kind][n]
            more = run.stages["decode"] * (frames / CLIP_FRAMES - 1)
            hours, gib = videos * (run.cpu + more) / 3600, videos * run.bytes / 2**30
            cells.append(
                f"{run.cpu + more:.2f} s, {run.bytes / 2**20:.2f} MiB a video; "
                f"{hours:.1f} core hours, {gib:.0f} GiB"
            )
        print(f"| {name} | {videos} | {' | '.join(cells)} |")


def main() -> None:
    """Measure the clips, or the videos given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(describe())
    with tempfile.TemporaryDirectory() as scratch:
        out, paths = Path(scratch) / "out", {str(path): path for path in args.videos}
        for k in range(4 * (os.cpu_count() or 1)):
            (out / str(k) / "parts").mkdir(parents=True)
        (out / "parts").mkdir()
        if not args.videos:
            for name, (width, height, person) in CLIPS.items():
                paths[name] = Path(scratch) / f"{name}.mp4"
                make_clip(paths[name], width, height, person)
        measured = {name: compare(name, path, args.rounds, out) for name, path in paths.items()}
        if not args.videos:
            for name, path in paths.items():
                all_cores(name, path, out)
            multiply_out(measured)


if __name__ == "__main__":
    main()
