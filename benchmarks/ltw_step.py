"""One LTW step against one ERM step of the same batch: time and peak memory.

    python benchmarks/ltw_step.py [--backbone efficientnet_b0] [--batch 25] [--sizes 112 224]

A step is `backward` and Adam's update. Each form runs in a process of its own; times are medians of
steps taken in turn with ERM's (first one first, then the other), memory is the peak a step adds to
the process that holds the loaded networks. "double backward" is the
plain way: autograd through the virtual step, kept as a graph.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from machine import describe
from torch import Tensor, nn

from ltw.methods import ERM, LTW, Method
from ltw.methods.base import Logs
from ltw.models.detector import Detector
from ltw.models.functional import gradients
from ltw.models.weight_network import WeightNetwork
from ltw.types import Batch

FORMS = ("erm", "finite_difference", "exact", "double_backward")


class DoubleBackward(LTW):
    """LTW by autograd through θ' = θ - α∇T: the graph of the first backward is kept."""

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` as `LTW.backward` does."""
        theta = dict(self.detector.named_parameters())
        w = list(self.weight_network.parameters())
        logits, features = self.detector(batch.images)
        weights = self.weight_network(features.detach())
        meta_train = (self.losses(logits, batch.labels) * weights).mean()
        grads = torch.autograd.grad(meta_train, list(theta.values()), create_graph=True)
        virtual: dict[str, Tensor] = {
            n: p - self.alpha * g for (n, p), g in zip(theta.items(), grads, strict=True)
        }
        buffers = {n: b.clone() for n, b in self.detector.named_buffers()}
        logits, _ = torch.func.functional_call(
            self.detector, {**buffers, **virtual}, (batch.counterpart_images,)
        )
        meta_test = self.losses(logits, batch.counterpart_labels).mean()
        by_w = torch.autograd.grad(meta_test, w, retain_graph=True)
        by_theta = gradients(meta_train + self.beta * meta_test, list(theta.values()))
        for parameter, grad in zip([*theta.values(), *w], [*by_theta, *by_w], strict=True):
            parameter.grad = grad
        return {"loss": meta_train.detach()}


def main() -> None:
    """Print a table for every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backbone", default="efficientnet_b0")
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--sizes", type=int, nargs="+", default=[112, 224])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--form", choices=FORMS, help="used by the script itself")
    args = parser.parse_args()
    if args.form:
        print(json.dumps(measure(args.form, args.backbone, args.batch, args.sizes[0], args.steps)))
        return
    print(f"{args.backbone}, batch {args.batch}; {describe()}")
    for size in args.sizes:
        print(f"\n{size} px         | step s | x ERM | peak MiB | x ERM")
        memory = None
        for form in FORMS:
            command = [sys.executable, __file__, "--form", form, "--backbone", args.backbone]
            command += [
                "--batch",
                str(args.batch),
                "--sizes",
                str(size),
                "--steps",
                str(args.steps),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
            memory = memory or result["mib"]
            print(
                f"{form:17} | {result['seconds']:6.2f} | {result['ratio']:5.2f} | "
                f"{result['mib']:8.0f} | {result['mib'] / memory:5.2f}",
                flush=True,
            )


def measure(form: str, backbone: str, batch_size: int, size: int, steps: int) -> dict[str, Any]:
    """Median seconds of a step, its ratio to ERM's taken in turn, and the peak memory it adds."""
    method, batch = build(form, backbone, size), make_batch(batch_size, size)
    before = peak_mib(reset=True)
    method.backward(batch)
    mib = peak_mib() - before
    step, erm_step = training_step(method, batch), training_step(ERM(method.detector), batch)
    step(), erm_step()  # warm up: Adam makes its state
    pairs = []
    for turn in range(steps):
        base = erm_step() if turn % 2 else 0.0
        own = step()
        pairs.append((own, base or erm_step()))
    return {
        "seconds": statistics.median(own for own, _ in pairs),
        "ratio": statistics.median(own / base for own, base in pairs),
        "mib": mib,
    }


def build(form: str, backbone: str, size: int) -> Method:
    """The method in one of `FORMS`, as the engine lays it out in memory."""
    torch.manual_seed(0)
    detector = Detector(backbone, image_size=size).to(memory_format=torch.channels_last).train()
    if form == "erm":
        return ERM(detector)
    w: nn.Module = WeightNetwork(detector.channels).to(memory_format=torch.channels_last)
    if form == "double_backward":
        return DoubleBackward(detector, w)
    return LTW(detector, w, second_order="exact" if form == "exact" else "finite_difference")


def make_batch(k: int, size: int) -> Batch:
    """Random faces with alternating labels."""
    labels = (torch.arange(k) % 2).float()

    def images() -> Tensor:
        return torch.rand(k, 3, size, size).to(memory_format=torch.channels_last)

    return Batch(
        images=images(), labels=labels, counterpart_images=images(), counterpart_labels=1 - labels
    )


def training_step(method: Method, batch: Batch) -> Callable[[], float]:
    """A function that takes one step and returns its seconds."""
    adam = torch.optim.Adam(method.parameters(), lr=1e-6)

    def step() -> float:
        start = time.perf_counter()
        method.backward(batch)
        adam.step()
        return time.perf_counter() - start

    return step


def peak_mib(*, reset: bool = False) -> float:
    """Peak resident memory of this process so far (Linux can start it anew)."""
    if reset:
        with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
            file.write("5")
    with open("/proc/self/status") as file:  # noqa: PTH123
        line = next(s for s in file if s.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
