"""Time and memory of the metrics and of the bootstrap, beside the plain way of doing the same.

    python benchmarks/metrics_speed.py [--scores 10_000_000] [--videos 100_000] [--frames 5]

Plain metrics are scikit-learn's; a plain bootstrap repeats the drawn rows and measures them with
scikit-learn's AUC alone, on a few draws, and is scaled up. All in one run, on one core.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from machine import describe
from sklearn import metrics as sk

from ltw.metrics import Draws, Scores, draw, evaluate

DRAWS = 1000
PLAIN_DRAWS = 3


def test_of(videos: int, frames: int) -> pd.DataFrame:
    """Videos of both classes, their frames alike."""
    rng = np.random.default_rng(0)
    label = np.arange(videos) % 2
    names = np.array([f"toy/{('real', 'swap')[y]}/c23/{k:07}" for k, y in enumerate(label)], object)
    logit = rng.normal(label, 1)
    own = np.repeat(np.arange(videos), frames)
    return pd.DataFrame(
        {
            "dataset": "toy",
            "domain": np.where(label[own] == 1, "swap", "real"),
            "label": label[own],
            "video": names[own],
            "p_fake": 1 / (1 + np.exp(-(logit[own] + rng.normal(0, 0.5, len(own))))),
        }
    )


def timed(call: Callable[[], object]) -> float:
    """Return processor seconds."""
    started = time.process_time()
    call()
    return time.process_time() - started


def plain_metrics(labels: np.ndarray, p_fake: np.ndarray) -> None:
    sk.accuracy_score(labels, p_fake > 0.5)
    sk.log_loss(labels, p_fake)
    sk.roc_auc_score(labels, p_fake)
    sk.roc_curve(labels, p_fake)
    sk.average_precision_score(labels, p_fake)


def plain_bootstrap(faces: pd.DataFrame, draws: Draws) -> None:
    rows = faces.groupby("video", sort=True).indices
    places = list(rows.values())
    y, p = faces["label"].to_numpy(), faces["p_fake"].to_numpy()
    for times in draws.counts[:PLAIN_DRAWS]:
        drawn = np.concatenate([np.tile(own, k) for own, k in zip(places, times, strict=True)])
        sk.roc_auc_score(y[drawn], p[drawn])


def peak() -> float:
    """Return the process's largest memory so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scores", type=int, default=10_000_000)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=5)
    options = parser.parse_args()
    print(describe(), "\n")
    print(
        "| what | ours, s | plain, s | ratio | peak memory, GB |\n| --- | --- | --- | --- | --- |"
    )

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, options.scores)
    p_fake = 1 / (1 + np.exp(-rng.normal(labels, 1)))
    ours = timed(lambda: evaluate(labels, p_fake))
    memory = peak()
    plain = timed(lambda: plain_metrics(labels, p_fake))
    row(f"metrics of {options.scores:,} scores", ours, plain, memory)

    faces = test_of(options.videos, options.frames)
    made: list[Draws] = []
    first = timed(lambda: made.append(draw(faces, DRAWS)))
    draws = made[0]
    for level in ("frame", "video"):
        scores = Scores.of(faces, level)
        ours = first + timed(lambda scores=scores: scores.replicate(draws))
        measured = faces if level == "frame" else faces.groupby("video", as_index=False).first()
        plain = timed(lambda measured=measured: plain_bootstrap(measured, draws))
        name = f"{DRAWS:,} draws of {options.videos:,} videos, {level}s ({len(scores.labels):,})"
        row(name, ours, plain * DRAWS / PLAIN_DRAWS, peak())


def row(name: str, ours: float, plain: float, memory: float) -> None:
    print(f"| {name} | {ours:.1f} | {plain:.1f} | {plain / ours:.1f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
