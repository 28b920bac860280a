"""Calibrated probabilities and decision thresholds, from what a detector says of validation faces.

Nothing here reads a target: an unseen forgery is not calibrated for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from ltw import metrics

Array = NDArray[np.float64]

TEMPERATURES = (0.01, 100.0)
"""Where a temperature is looked for; at either end the loss still falls, and there is none."""
BINS = 15


def calibrate(
    faces: pd.DataFrame, false_positive_rate: float, miss_rate: float = 0.05
) -> dict[str, Any]:
    """Return what a release says of its probabilities and thresholds, ready for JSON.

    ``"temperature"``, ``"threshold"`` (of a face), ``"video_threshold"`` (of the mean over a
    video's faces) and ``"band"`` (`band` of each) are to be used; ``"calibration"`` and
    ``"verdicts"`` say what they rest on. All probabilities are float32, as scoring gives them.

    Args:
        faces: a row a validation face: label, logit, video; both classes.
        false_positive_rate: share of reals that each threshold may call fake.
        miss_rate: share of fakes that may be called real.
    """
    y, logits, videos = (faces[name].to_numpy() for name in ("label", "logit", "video"))
    fitted = fit_temperature(y, logits)
    temperature = 1.0 if fitted is None else fitted
    raw, p = probabilities(logits, 1.0), probabilities(logits, temperature)
    _, video_y, video_p = metrics.video_scores(y, p, videos)
    face = judge(y, p, false_positive_rate, miss_rate)
    video = judge(video_y, video_p, false_positive_rate, miss_rate)
    return {
        "temperature": temperature,
        "threshold": face["threshold"],
        "video_threshold": video["threshold"],
        "band": {"face": face["band"], "video": video["band"]},
        "calibration": {
            "determined": fitted is not None,
            "faces": len(y),
            "videos": len(video_y),
            "share_fake": float(np.mean(y)),
            "before": _measure(y, raw),
            "after": _measure(y, p),
        },
        "verdicts": {
            "asked": false_positive_rate,
            "asked_misses": miss_rate,
            "face": face,
            "video": video,
        },
    }


def probabilities(logits: Array, temperature: float) -> Array:
    """Return P(fake) of logits, rounded to float32 as scoring gives it."""
    p: NDArray[np.float32] = expit(logits / temperature).astype(np.float32)
    return p.astype(np.float64)


def fit_temperature(labels: NDArray[Any], logits: Array) -> float | None:
    """Return the temperature T that minimises the log loss of sigmoid(logits / T).

    Guo et al., ICML 2017, section 4.2. None where the loss has no minimum: no face is on the wrong
    side of 0, so that it falls for ever as T goes to 0, or the logits say so little that it falls
    for ever as T grows.
    """
    sign = np.where(np.asarray(labels) == 1, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.mean(np.logaddexp(0, -sign * logits / math.exp(log_temperature))))

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    at_an_end = min(found.x - low, high - found.x) < 1e-3
    return None if at_an_end else math.exp(found.x)


def choose_threshold(labels: NDArray[Any], p_fake: Array, false_positive_rate: float) -> float:
    """Return the lowest threshold from which at most this share of the reals are called fake.

    A score is fake from the threshold on. It lies halfway between two neighbouring scores, below 1,
    so that it does not hang on the last digit of one. Of fewer than 1 / false_positive_rate reals
    none may be called fake. (Reals whose score is 1 are called fake by every threshold.)
    """
    reals = np.sort(p_fake[labels == 0])[::-1]
    allowed = math.floor(false_positive_rate * len(reals) + 1e-9)
    highest_real = reals[allowed]  # the first that has to be called real
    above = p_fake[p_fake > highest_real]
    return float((highest_real + (above.min() if len(above) else 1.0)) / 2)


def choose_miss_threshold(labels: NDArray[Any], p_fake: Array, miss_rate: float) -> float:
    """Return the highest threshold below which at most this share of the fakes lies.

    The mirror of `choose_threshold`: halfway between two neighbouring scores, and above 0. (No
    score lies below 0, the threshold where too many fakes score 0.)
    """
    fakes = np.sort(p_fake[labels == 1])
    allowed = math.floor(miss_rate * len(fakes) + 1e-9)
    lowest_fake = fakes[allowed]  # the first that must not be called real
    below = p_fake[p_fake < lowest_fake]
    return float((lowest_fake + (below.max() if len(below) else 0.0)) / 2)


def band(
    labels: NDArray[Any], p_fake: Array, false_positive_rate: float, miss_rate: float
) -> tuple[float, float]:
    """Return (low, high): scores from ``high`` on are fake, below ``low`` real, between unclear.

    A score is called fake where at most ``false_positive_rate`` of the reals score as high and it
    is not among the lowest ``miss_rate`` of the fakes, and real the other way round (Lei,
    "Classification with confidence", Biometrika 2014: each class keeps to an error of its own, and
    what could be both, or neither, is left open). So neither error exceeds what was asked for on
    these scores, whether the classes overlap or lie far apart.
    """
    thresholds = (
        choose_miss_threshold(labels, p_fake, miss_rate),
        choose_threshold(labels, p_fake, false_positive_rate),
    )
    return min(thresholds), max(thresholds)


def judge(
    labels: NDArray[Any], p_fake: Array, false_positive_rate: float, miss_rate: float
) -> Mapping[str, Any]:
    """Choose a threshold and a band, and say how they and 0.5 do on the same scores."""
    threshold = choose_threshold(labels, p_fake, false_positive_rate)
    low, high = band(labels, p_fake, false_positive_rate, miss_rate)
    shares = {
        name: {
            "fake": float(np.mean(own >= high)),
            "unclear": float(np.mean((own >= low) & (own < high))),
            "real": float(np.mean(own < low)),
        }
        for name, own in (("reals", p_fake[labels == 0]), ("fakes", p_fake[labels == 1]))
    }
    return {
        "threshold": threshold,
        "band": [low, high],
        "reals": int(np.sum(labels == 0)),
        "fakes": int(np.sum(labels == 1)),
        "at_threshold": _rates(labels, p_fake, threshold),
        "at_half": _rates(labels, p_fake, 0.5),
        "in_band": shares,
    }


def _rates(labels: NDArray[Any], p_fake: Array, threshold: float) -> dict[str, float]:
    called = p_fake >= threshold
    return {
        "false_positive_rate": float(np.mean(called[labels == 0])),
        "true_positive_rate": float(np.mean(called[labels == 1])),
    }


def _measure(labels: NDArray[Any], p_fake: Array) -> dict[str, Any]:
    table = metrics.reliability(labels, p_fake, BINS)
    columns = zip(
        table.low, table.high, table.count, table.mean_p_fake, table.share_fake, strict=True
    )
    return {
        "log_loss": metrics.log_loss(labels, p_fake),
        "expected_calibration_error": table.error,
        "reliability": [
            {"low": low, "high": high, "faces": int(n), "mean_p_fake": mean, "share_fake": share}
            for low, high, n, mean, share in np.stack(list(columns)).tolist()
            if n
        ],
    }
