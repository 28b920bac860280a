"""How good each video of a corpus is: the strength of its forgery, its failure, bad detections.

All of it is drawn from the plan's seed alone, before a frame is made: so the sidecar that tells it
is written first, and a call that goes on draws the same again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.synth.casting import CONDITION_SEEDS, Actor
from ltw.synth.detections import BAD_DETECTIONS, Box, mistaken_box, spoil
from ltw.synth.failures import FAILURES
from ltw.synth.learned import ALL_FORGERIES
from ltw.synth.plan import CorpusPlan
from ltw.types import REAL

WEAKEST = 0.1
"""Least strength of a forgery whose quality varies: some trace is always left."""


@dataclass(frozen=True)
class Condition:
    """What is drawn for one video.

    ``strength`` in [0.1, 1] is that of the forgery's traces (1: as visible as they come; 0 of a
    genuine video), ``failure`` one of `FAILURES` or "". ``bad`` and ``boxes`` have an entry a
    frame: one of `BAD_DETECTIONS` or "", and where a detector is mistaken.
    """

    strength: float
    failure: str
    bad: tuple[str, ...]
    boxes: tuple[Box | None, ...]
    seed: np.random.SeedSequence

    def spoiled(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the frames, uint8 (T, H, W, 3), with those of bad detections spoiled."""
        rngs = map(np.random.default_rng, self.seed.spawn(len(frames)))
        made = [
            spoil(kind, frame, rng) if kind else frame
            for kind, frame, rng in zip(self.bad, frames, rngs, strict=True)
        ]
        return np.stack(made)

    def truths(self) -> Iterator[tuple[float, str, Box | tuple[str, ...]]]:
        """Quality, failure and mistaken box (blanks where none) of every frame."""
        for kind, box in zip(self.bad, self.boxes, strict=True):
            failure = kind or self.failure
            quality = 0.0 if failure else round(1 - 0.9 * self.strength, 4)
            yield quality, failure, box or ("",) * 4


def draw_condition(
    plan: CorpusPlan, target: Actor, donor: Actor | None = None, forgery: str = REAL
) -> Condition:
    """Draw the condition of a forged video, or of the target's genuine one."""
    index = 1 + ALL_FORGERIES.index(forgery) if donor else 0
    key = (CONDITION_SEEDS, index, int(target.name), int(donor.name) if donor else 0)
    drawing, spoiling = np.random.SeedSequence(plan.seed, spawn_key=key).spawn(2)
    rng = np.random.default_rng(drawing)
    strength = rng.uniform(WEAKEST, 1.0)
    fails, kind = rng.random() < plan.failures, rng.choice(list(FAILURES))
    bad = [
        str(what) if spoils < plan.bad_detections else ""
        for spoils, what in zip(
            rng.random(plan.frames), rng.choice(BAD_DETECTIONS, plan.frames), strict=True
        )
    ]
    if plan.quality == "fixed" or fails:
        strength = 1.0
    return Condition(
        strength=strength if donor else 0.0,
        failure=str(kind) if donor and fails else "",
        bad=tuple(bad),
        boxes=tuple(mistaken_box(what, plan.size, rng) for what in bad),
        seed=spoiling,
    )


def truths_table(plan: CorpusPlan, pairs: Sequence[tuple[Actor, Actor]]) -> pd.DataFrame:
    """The sidecar: a row a frame of every video, whatever its compression."""
    rows = []
    for pair in pairs:
        for target, donor in (pair, pair[::-1]):
            videos = [(REAL, target.name, draw_condition(plan, target))]
            for forgery in plan.forgeries:
                condition = draw_condition(plan, target, donor, forgery)
                videos.append((forgery, f"{target.name}_{donor.name}", condition))
            for domain, video, condition in videos:
                for frame, (quality, failure, box) in enumerate(condition.truths()):
                    rows.append((domain, video, frame, quality, failure, *box))
    columns = ("domain", "video", "frame", "quality", "failure", "x0", "y0", "x1", "y1")
    return pd.DataFrame(rows, columns=list(columns))
