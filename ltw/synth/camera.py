"""The camera a take is filmed with, where quality varies: no two people's look alike.

Genuine videos and the forgeries made of them share a take, and so its camera. What one camera does
to sharpness, colour and noise is as much as what a forgery does, so that none of these tells
genuine from forged by itself.
"""

from __future__ import annotations

import cv2
import numpy as np

from ltw.synth.footage import Footage


def refilm(footage: Footage, rng: np.random.Generator) -> Footage:
    """Film a take anew: another resolution, focus, sharpening, light, colour and noise."""
    shrink = rng.uniform(0.5, 1.0) if rng.random() < 0.6 else 1.0
    focus = rng.uniform(0.0, 1.0)
    crisp = rng.uniform(0.2, 1.0) if rng.random() < 0.4 else 0.0
    gain = rng.uniform(0.75, 1.1) * rng.normal(1.0, 0.025, 3)
    gamma = rng.uniform(0.8, 1.25)
    noise = np.float32(rng.uniform(0.0, 2.5))
    colours = 255 * (np.arange(256)[:, None] / 255 * gain).clip(0, 1) ** gamma
    size = footage.frames.shape[2], footage.frames.shape[1]
    small = tuple(max(16, round(side * shrink)) for side in size)
    pictures = np.empty_like(footage.frames)
    for t, frame in enumerate(footage.frames):
        lit = np.stack([colours[frame[..., c], c] for c in range(3)], axis=2).astype(np.float32)
        if shrink < 1:
            lit = np.asarray(cv2.resize(lit, small, interpolation=cv2.INTER_AREA), np.float32)
            lit = np.asarray(cv2.resize(lit, size, interpolation=cv2.INTER_CUBIC), np.float32)
        if focus > 0.25:
            lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), focus), np.float32)
        lit += np.float32(crisp) * (lit - cv2.GaussianBlur(lit, (0, 0), 1.2))
        lit += noise * rng.standard_normal(lit.shape, np.float32)
        pictures[t] = np.rint(np.clip(lit, 0, 255))
    return Footage(pictures, footage.landmarks)
