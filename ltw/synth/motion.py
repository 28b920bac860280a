"""Motion of a filmed person: head, speech, blinks, gaze and smiles as smooth curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltw.synth.expression import Expression

FPS = 25
SHORTEST = 2.4
"""Seconds over which even the shortest take is spread."""

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Take:
    """One moment: head angles in radians, its shift in face units, distance, and the expression."""

    yaw: float
    pitch: float
    roll: float
    shift: tuple[float, float]
    zoom: float
    look: Expression


def _wander(t: Curve, rng: np.random.Generator, slowest: float = 0.15, n: int = 5) -> Curve:
    """Smooth motion within about [-1, 1]: a few sines of random frequency, slow ones larger."""
    rates = slowest * (1 + np.arange(n)) * rng.uniform(0.8, 1.3, n)
    phases = rng.uniform(0, 2 * np.pi, n)
    weights = 1 / (1 + np.arange(n)) ** 0.8
    waves = weights[:, None] * np.sin(2 * np.pi * rates[:, None] * t + phases[:, None])
    return np.asarray(waves.sum(axis=0) / weights.sum() * 1.6, np.float64)


def _lids(t: Curve, rng: np.random.Generator) -> Curve:
    """Lid opening over time; every take blinks at least once, in a frame that is seen."""
    length = t[-1] + 1e-9
    blinks = [float(rng.choice(t))] if len(t) > 1 else []
    blinks += list(rng.uniform(0, length, rng.poisson(length * 0.25)))
    lids = np.full_like(t, 1.0)
    for moment in blinks:
        lids = np.minimum(lids, np.clip(np.abs(t - moment) / 0.16, 0.04, 1.0))
    return lids


def _speech(t: Curve, rng: np.random.Generator) -> tuple[Curve, Curve]:
    """Mouth opening in [0, 1] and widening in [-1, 1]: syllables within phrases."""
    talk = np.clip(0.65 + 0.9 * _wander(t, rng, 0.3, 3), 0, 1)
    beat = np.clip(0.5 + 0.75 * _wander(t, rng, 1.7, 4), 0, 1)
    loud = rng.uniform(0.35, 0.85)
    return loud * talk * beat, talk * _wander(t, rng, 1.1, 3) * 0.7


def act(frames: int, rng: np.random.Generator) -> list[Take]:
    """Play ``frames`` moments of a take."""
    t = np.linspace(0, max((frames - 1) / FPS, SHORTEST), frames) if frames > 1 else np.zeros(1)
    facing = rng.normal(0, 1, 3).clip(-1.6, 1.6) * np.array([0.11, 0.05, 0.045])
    yaw = facing[0] + 0.11 * _wander(t, rng)
    pitch = facing[1] + 0.06 * _wander(t, rng)
    roll = facing[2] + 0.04 * _wander(t, rng)
    dx, dy = 0.05 * _wander(t, rng), 0.03 * _wander(t, rng)
    place = rng.uniform(-1, 1, 2) * np.array([0.12, 0.05])
    zoom = rng.uniform(0.95, 1.05) * (1 + 0.02 * _wander(t, rng))
    lids = _lids(t, rng) * np.clip(1 + 0.06 * _wander(t, rng), 0.9, 1.1)
    opening, widening = _speech(t, rng)
    smile = np.clip(rng.uniform(0.0, 0.7) + 0.3 * _wander(t, rng), 0, 1)
    gaze = 0.28 * np.round(_wander(t, rng, 0.5, 3) * 1.2) / 1.2
    return [
        Take(
            yaw=float(yaw[k]),
            pitch=float(pitch[k]),
            roll=float(roll[k]),
            shift=(float(place[0] + dx[k]), float(place[1] + dy[k])),
            zoom=float(zoom[k]),
            look=Expression(
                lids=float(0.93 * lids[k] - 0.12 * smile[k]),
                gaze_x=float(np.clip(gaze[k] - 0.6 * yaw[k], -0.35, 0.35)),
                gaze_y=float(-0.5 * pitch[k]),
                open=float(opening[k]),
                wide=float(widening[k]),
                smile=float(smile[k]),
            ),
        )
        for k in range(frames)
    ]
