"""One step of every method against one ERM step of the same batch: time and peak memory.

    python benchmarks/method_steps.py [--forms ltw mldg ...] [--backbone efficientnet_b0]
                                      [--batch 25] [--sizes 112 224]

A step is `backward` and Adam's update. Each method runs in a process of its own; times are medians
of steps taken in turn with ERM's (first one first, then the other), memory is the peak a step adds
to the process that holds the loaded networks. LTW comes with each of its options ("ltw:loss", ...),
and as "ltw:double_backward", the plain way: autograd through the virtual step, kept as a graph.
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
from torch import Tensor

from ltw.config import Config, DetectorConfig
from ltw.engine.build import build_method, build_optimizer
from ltw.methods import LTW, METHODS
from ltw.methods.base import Logs
from ltw.models.functional import gradients
from ltw.types import Batch

ERM = "alltrain"
OTHERS = [name for name in METHODS if name not in (ERM, "basemodel")]  # nothing trains the last
OPTIONS: dict[str, dict[str, Any]] = {
    "exact": {"second_order": "exact"},
    "class": {"weight_normalization": "class"},
    "public-code": {"weight_form": "one-plus-sigmoid", "train_weights": False},
    "loss": {"weight_network": {"input": "loss"}},
    "features+loss": {"weight_network": {"input": "features+loss"}},
    "group-norm": {"weight_network": {"norm": "group"}},
    "no-norm": {"weight_network": {"norm": "none", "zero_head": True}},
    "weight-counterparts": {"weight_counterparts": "other person"},
    "slope-memory": {"slope_memory": 0.9},
    "preconditioned": {"preconditioned": True},
}
"""Options of LTW that a form ``ltw:NAME`` has; warm-up steps are ERM's."""
FORMS = (ERM, *OTHERS, *(f"ltw:{name}" for name in OPTIONS), "ltw:double_backward")


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
            n: p - self.options.alpha * g for (n, p), g in zip(theta.items(), grads, strict=True)
        }
        buffers = {n: b.clone() for n, b in self.detector.named_buffers()}
        logits, _ = torch.func.functional_call(
            self.detector, {**buffers, **virtual}, (batch.counterpart_images,)
        )
        meta_test = self.losses(logits, batch.counterpart_labels).mean()
        by_w = torch.autograd.grad(meta_test, w, retain_graph=True)
        by_theta = gradients(meta_train + self.options.beta * meta_test, list(theta.values()))
        for parameter, grad in zip([*theta.values(), *w], [*by_theta, *by_w], strict=True):
            parameter.grad = grad
        return {"loss": meta_train.detach()}


def main() -> None:
    """Print a table for every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS, metavar="FORM")
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
    forms = [ERM, *(form for form in args.forms if form != ERM)]  # ERM's memory is the unit
    for size in args.sizes:
        print(f"\n{f'{size} px':21} | step s | x ERM | peak MiB | x ERM")
        memory = None
        for form in forms:
            options = {"form": form, "backbone": args.backbone, "batch": args.batch}
            options |= {"sizes": size, "steps": args.steps}
            words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
            done = subprocess.run(
                [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
            )
            result = json.loads(done.stdout.splitlines()[-1])
            memory = memory or result["mib"]
            print(
                f"{form:21} | {result['seconds']:6.2f} | {result['ratio']:5.2f} | "
                f"{result['mib']:8.0f} | {result['mib'] / memory:5.2f}",
                flush=True,
            )


def measure(form: str, backbone: str, batch_size: int, size: int, steps: int) -> dict[str, Any]:
    """Median seconds of a step, its ratio to ERM's taken in turn, and the peak memory it adds."""
    batch = make_batch(batch_size, size)
    if form == "ltw:weight-counterparts":
        batch.weight_counterparts = torch.rand_like(batch.images), 1 - batch.labels
    step = training_step(form, backbone, size)
    before = peak_mib(reset=True)
    step(batch, update=False)
    mib = peak_mib() - before
    erm_step = training_step(ERM, backbone, size)
    step(batch), erm_step(batch)  # warm up: Adam makes its state
    pairs = []
    for turn in range(steps):
        base = erm_step(batch) if turn % 2 else 0.0
        own = step(batch)
        pairs.append((own, base or erm_step(batch)))
    return {
        "seconds": statistics.median(own for own, _ in pairs),
        "ratio": statistics.median(own / base for own, base in pairs),
        "mib": mib,
    }


def training_step(form: str, backbone: str, size: int) -> Callable[..., float]:
    """A function that takes one step, as the engine does, and returns its seconds."""
    name, _, how = form.partition(":")
    config = Config(
        store="unused",
        sources=("a", "b"),
        method=name,
        detector=DetectorConfig(backbone=backbone, pretrained=False, image_size=size),
        ltw=OPTIONS.get(how, {}),
    )
    method = build_method(config)
    if how == "double_backward":
        method = DoubleBackward(method.detector, method.weight_network)
    method.to(memory_format=torch.channels_last).train()
    adam = build_optimizer(config, method)

    def step(batch: Batch, update: bool = True) -> float:
        start = time.perf_counter()
        method.backward(batch)
        if update:
            adam.step()
        return time.perf_counter() - start

    return step


def make_batch(k: int, size: int) -> Batch:
    """Random faces with alternating labels, their counterparts and masks."""
    labels = (torch.arange(k) % 2).float()

    def images() -> Tensor:
        return torch.rand(k, 3, size, size).to(memory_format=torch.channels_last)

    return Batch(
        images=images(),
        labels=labels,
        counterpart_images=images(),
        counterpart_labels=1 - labels,
        indices=range(k),
        domains=["ab"[i // 2 % 2] if label else "real" for i, label in enumerate(labels)],
        masks=(torch.rand(k, size, size) > 0.5) * labels[:, None, None],
        has_mask=torch.ones(k, dtype=torch.bool),
    )


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
