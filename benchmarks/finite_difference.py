"""Error of the finite difference against the exact form, in float32, for θ and for w.

    python benchmarks/finite_difference.py [--size 112] [--batch 16]

Both are taken at the start and after a few training steps; faces are rendered people. "first order"
is the error made by leaving the second-order terms out: what the finite difference has to mend.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np
import torch
from machine import describe
from torch import Tensor

from ltw.data.loader import to_tensor
from ltw.faces import crop, crop_box, detect_faces
from ltw.methods import LTW
from ltw.models.detector import DetectorNetwork
from ltw.models.functional import step_length
from ltw.models.weight_network import WeightNetwork
from ltw.synth.people import film, sample_person
from ltw.types import Batch

CASES = (("efficientnet_b0", False), ("tf_efficientnet_lite0", True))


def main() -> None:
    """Print the errors of every case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    images = faces(4 * args.batch, args.size)
    print(f"{args.size} px, batch {args.batch}; {describe()}")
    print("backbone              | steps | |εv|   | error θ | first order | error w")
    for backbone, pretrained in CASES:
        torch.manual_seed(0)
        detector = DetectorNetwork(backbone, pretrained=pretrained, image_size=args.size).train()
        method = LTW(detector, WeightNetwork(detector.channels))
        adam = torch.optim.Adam(method.parameters(), 1e-3)
        for steps in (0, args.steps):
            for i in range(steps):
                method.backward(batch(images, args.batch, i))
                adam.step()
            theta, w = compare(method, batch(images, args.batch, 99))
            method.alpha = 0.0
            first_order = gradients_of(method, batch(images, args.batch, 99), "finite_difference")[
                0
            ]
            method.alpha = 1e-3
            exact = gradients_of(method, batch(images, args.batch, 99), "exact")[0]
            print(
                f"{backbone:21} | {steps:5} | {step_length(detector, torch.float32):.0e} | "
                f"{theta:7.1e} | {error(first_order, exact):11.1e} | {w:7.1e}",
                flush=True,
            )


def compare(method: LTW, data: Batch) -> tuple[float, float]:
    """Relative errors of G_θ and G_w."""
    found = gradients_of(method, data, "finite_difference")
    exact = gradients_of(method, data, "exact")
    return error(found[0], exact[0]), error(found[1], exact[1])


def gradients_of(method: LTW, data: Batch, form: str) -> tuple[Tensor, Tensor]:
    """G_θ and G_w as vectors, in float64."""
    method.second_order = form  # type: ignore[assignment]
    method.backward(data)
    method.second_order = "finite_difference"
    modules = (method.detector, method.weight_network)
    theta, w = (
        torch.cat([p.grad.double().flatten() for p in m.parameters() if p.grad is not None])
        for m in modules
    )
    return theta, w


def error(found: Tensor, expected: Tensor) -> float:
    """Relative error in the Euclidean norm."""
    return float((found - expected).norm() / expected.norm())


def batch(images: Tensor, k: int, seed: int) -> Batch:
    """K faces and K counterparts, drawn by ``seed``; labels alternate."""
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    labels = (torch.arange(k) % 2).float()
    return Batch(
        images=images[rows[:k]],
        labels=labels,
        counterpart_images=images[rows[k : 2 * k]],
        counterpart_labels=1 - labels,
    )


def faces(n: int, size: int) -> Tensor:
    """N crops of rendered people."""
    crops = []
    for k in range(n // 2):
        rng = np.random.default_rng(k)
        for frame in film(sample_person(rng), frames=2, rng=rng).frames:
            found = detect_faces(frame)
            if found:
                crops.append(crop(frame, crop_box(found[0].box)))
    return to_tensor(np.stack(crops), size)


if __name__ == "__main__":
    main()
