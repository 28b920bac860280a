"""Start-up and speed of scoring: PyTorch beside ONNX files of ltw export, float and int8.

    python benchmarks/inference.py [--backbones tf_efficientnet_lite0 efficientnet_b0] [--rounds 20]

Start-up is a new process, from its start until one face crop is scored through `ltw.Detector`.
Images a second are of the network alone, at 224 pixels, in batches of 1 and 32, on 2 threads each.
PyTorch is eager, as `ltw predict` runs it: evaluation mode, torch.inference_mode, channels last.
All take turns in one process, so that the machine's moods hit them alike; medians are compared.
Weights are random: they change no time. What int8 costs in AUC, `ltw export --int8` says.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from machine import describe

from ltw.export import quantize, write_onnx
from ltw.models.detector import DetectorNetwork

SIZE, THREADS, BATCHES = 224, 2, (1, 32)
START = (
    "import numpy; from ltw import Detector;"
    "Detector.load({model!r}).score(numpy.zeros((1, 224, 224, 3), 'uint8'))"
)

Runner = Callable[[np.ndarray], object]


def make(backbone: str, folder: Path) -> dict[str, Path]:
    """Write the same detector three times."""
    torch.manual_seed(0)
    detector = DetectorNetwork(backbone, image_size=SIZE).eval()
    made = {
        "PyTorch": folder / backbone,
        "ONNX": folder / f"{backbone}.onnx",
        "ONNX int8": folder / f"{backbone}-int8.onnx",
    }
    detector.save(made["PyTorch"])
    write_onnx(detector, made["ONNX"])
    faces = np.random.default_rng(0).random((8, 3, SIZE, SIZE), dtype=np.float32)
    quantize(made["ONNX"], made["ONNX int8"], faces)
    return made


def start_up(models: dict[str, Path], rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, path in models.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", START.format(model=str(path))], check=True)
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def open_all(models: dict[str, Path]) -> dict[str, Runner]:
    detector = DetectorNetwork.load(models["PyTorch"]).to(memory_format=torch.channels_last)

    def eager(images: np.ndarray) -> object:
        with torch.inference_mode():
            batch = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
            return detector(batch)[0].numpy()

    runners: dict[str, Runner] = {"PyTorch": eager}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    # else its threads spin between batches and take the cores from PyTorch's
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name in ("ONNX", "ONNX int8"):
        session = onnxruntime.InferenceSession(str(models[name]), options)
        runners[name] = lambda images, session=session: session.run(["logits"], {"images": images})
    return runners


def rates(runners: dict[str, Runner], batch: int, rounds: int) -> dict[str, float]:
    images = np.random.default_rng(0).random((batch, 3, SIZE, SIZE), dtype=np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        runner(images)
    for _ in range(rounds):
        for name, runner in runners.items():
            begin = time.perf_counter()
            runner(images)
            seconds[name].append(time.perf_counter() - begin)
    return {name: batch / statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--backbones", nargs="+", default=["tf_efficientnet_lite0", "efficientnet_b0"]
    )
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    print(describe(), f"onnxruntime {onnxruntime.__version__}, {THREADS} threads", sep="; ")
    for backbone in arguments.backbones:
        with tempfile.TemporaryDirectory() as scratch:
            models = make(backbone, Path(scratch))
            print(f"{backbone}, {SIZE} px")
            taken = start_up(models, max(3, arguments.rounds // 5))
            for name, seconds in taken.items():
                ratio = taken["PyTorch"] / seconds
                print(f"  start-up to first score  {name:9} {seconds:7.2f} s   {ratio:5.2f}x")
            runners = open_all(models)
            for batch in BATCHES:
                found = rates(
                    runners, batch, arguments.rounds if batch > 1 else 5 * arguments.rounds
                )
                for name, rate in found.items():
                    ratio = rate / found["PyTorch"]
                    print(f"  batch {batch:2}  {name:9} {rate:7.1f} images/s   {ratio:5.2f}x")


if __name__ == "__main__":
    main()
