"""Read 25 random crops from a store of 20,000, and from 20,000 PNG files in folders.

    python benchmarks/store_reading.py [--portraits DIR] [--faces 20000] [--rounds 60]

Both hold the same 224-pixel images: crops of rendered people, or of the portraits in DIR, each
shifted and mirrored to make as many as asked. Batches of 25 are drawn anew in every round and read
from both in turn (warm page cache, one thread), so that the machine's moods hit both alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from machine import describe
from numpy.typing import NDArray

from ltw.data.clips import video_record
from ltw.data.store import Parameters, Store
from ltw.data.store_writer import Part, begin, finalize, write_part
from ltw.faces import Box, crop, crop_box, locate_faces
from ltw.media.pictures import read_photo
from ltw.synth.people import film, sample_person
from ltw.types import Clip, Face

BATCH, PER_VIDEO = 25, 10


def crops(folder: Path | None, count: int) -> Iterator[NDArray[np.uint8]]:
    pictures = list(rendered() if folder is None else portraits(folder))
    each = -(-count // len(pictures))
    rng = np.random.default_rng(0)
    for image, box in pictures:
        for _ in range(each):
            square = np.asarray(crop_box(box)) + np.tile(rng.normal(0, 6, 2), 2)
            cut = crop(image, (square[0], square[1], square[2], square[3]))
            yield cut[:, ::-1].copy() if rng.random() < 0.5 else cut


def portraits(folder: Path) -> Iterator[tuple[NDArray[np.uint8], Box]]:
    for path in sorted(folder.rglob("*.jpg"))[::4]:
        image = read_photo(path)
        for found in locate_faces(image)[:1]:
            yield image, found.box


def rendered() -> Iterator[tuple[NDArray[np.uint8], Box]]:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for image in film(sample_person(rng), frames=2, rng=rng).frames:
            for found in locate_faces(image)[:1]:
                yield image, found.box


def write_both(images: Iterator[NDArray[np.uint8]], store: Path, files: Path, count: int) -> None:
    parameters = Parameters(frames=PER_VIDEO)
    begin(store, parameters)
    for video in range(count // PER_VIDEO):
        name = f"{video:06d}"
        clip = Clip(Path(name), "bench", "real", 0, "c23", name, "train", name, name)
        (files / name).mkdir(parents=True)
        faces = []
        for frame in range(PER_VIDEO):
            image = next(images)
            face = Face(
                "bench", "real", 0, "c23", name, "train", name, name, "", "", frame, 0.0, 1.0,
                (0.0, 0.0, 1.0, 1.0), (0.0,) * 10, (0.0, 0.0, 1.0, 1.0), False,
            )  # fmt: skip
            faces.append((face, image, None))
            cv2.imwrite(str(files / name / f"{frame}.png"), image[:, :, ::-1])
        write_part(store, Part(video_record(clip, parameters, "", faces=PER_VIDEO), faces))
    finalize(store)


def read_files(files: Path, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    out = np.empty((len(indices), 224, 224, 3), np.uint8)
    for k, index in enumerate(indices):
        path = files / f"{index // PER_VIDEO:06d}" / f"{index % PER_VIDEO}.png"
        image = cv2.imread(str(path))
        assert image is not None
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=out[k])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--faces", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        path, files = Path(scratch) / "store", Path(scratch) / "files"
        count = arguments.faces // PER_VIDEO * PER_VIDEO
        write_both(crops(arguments.portraits, 2 * count), path, files, count)
        store, rng = Store(path), np.random.default_rng(1)
        seconds: dict[str, list[float]] = {"store": [], "files": []}
        for _ in range(arguments.rounds):
            indices = rng.integers(0, len(store), BATCH)
            start = time.perf_counter()
            from_store = store.images(indices)
            middle = time.perf_counter()
            from_files = read_files(files, indices)
            seconds["files"].append(time.perf_counter() - middle)
            seconds["store"].append(middle - start)
            assert (from_store == from_files).all(), "both must hold the same images"
        sizes = {
            name: sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20
            for name, folder in (("store", path), ("files", files))
        }
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(describe())
    print(f"{count} crops of 224 px; median of {arguments.rounds} batches of {BATCH}, interleaved")
    for name, value in median.items():
        print(f"  {name:6} {1e3 * value:7.1f} ms a batch   {sizes[name]:7.0f} MiB on disk")
    print(f"  store / files: {median['store'] / median['files']:.2f} of the time")


if __name__ == "__main__":
    main()
