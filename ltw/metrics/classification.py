"""Classification metrics: pure functions on arrays.

``labels`` are 0 (real) or 1 (fake), ``p_fake`` probabilities of being fake in [0, 1], both (n,);
fake is the positive class. Give probabilities in float64: float32 ones are equal from a logit of
16.6 on, and tied scores change every metric that ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ltw.errors import DataError
from ltw.metrics.ranking import Array, Curves, Ranking

METRICS = ("acc", "log_loss", "auc", "eer")
"""The metrics of the tables."""
FURTHER_METRICS = ("average_precision", "acc_real", "acc_fake", "tpr_at_1fpr", "tpr_at_5fpr")
"""What `evaluate` gives beside them. Average precision depends on the share of fakes."""
ALL_METRICS = METRICS + FURTHER_METRICS
THRESHOLD = 0.5
CLIP = 1e-7
"""Log loss keeps probabilities in [CLIP, 1 - CLIP]."""


def accuracy(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Share of samples on the right side of 0.5; exactly 0.5 counts as real (logit > 0 is fake).

    Raises:
        DataError: lengths differ, nothing to measure, labels not 0/1, probabilities not in [0, 1].
    """
    y, p = _validate(labels, p_fake)
    return float(np.mean(correct(y, p)))


def log_loss(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Mean negative log-likelihood in nats; raises as `accuracy` does."""
    y, p = _validate(labels, p_fake)
    return float(np.mean(log_losses(y, p)))


def roc_curve(labels: ArrayLike, p_fake: ArrayLike) -> tuple[Array, Array, Array]:
    """Return (fpr, tpr, thresholds), each (v,): every vertex of the ROC, from (0, 0) to (1, 1).

    A sample is called fake where its score >= the threshold; the first threshold is infinite.
    Equal scores share one vertex.

    Raises:
        DataError: as `accuracy`, or only one class is present.
    """
    y, p = _validate_both(labels, p_fake)
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    ends = np.append(np.flatnonzero(p[1:] != p[:-1]), len(p) - 1)
    fakes = np.append(0, np.cumsum(y)[ends])
    reals = np.append(0, ends + 1) - fakes
    return reals / reals[-1], fakes / fakes[-1], np.append(np.inf, p[ends])


def auc(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Area under the ROC curve, a tie counting one half; raises as `roc_curve` does."""
    return float(_curves(labels, p_fake).auc()[0])


def eer(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Error rate where FPR = 1 - TPR, interpolated between ROC vertices; raises as `roc_curve`."""
    return float(_curves(labels, p_fake).eer()[0])


def average_precision(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Area under the precision-recall curve as steps; raises as `roc_curve` does."""
    return float(_curves(labels, p_fake).average_precision()[0])


def tpr_at_fpr(labels: ArrayLike, p_fake: ArrayLike, fpr: float) -> float:
    """Share of fakes found by a threshold that calls at most ``fpr`` of the reals fake.

    There is no interpolation: of fewer than 1 / fpr reals none may be called fake. Raises as
    `roc_curve` does.
    """
    return float(_curves(labels, p_fake).tpr_at(fpr)[0])


def evaluate(labels: ArrayLike, p_fake: ArrayLike) -> dict[str, float]:
    """Return `ALL_METRICS` by name; raises as `roc_curve` does."""
    y, p = _validate_both(labels, p_fake)
    right, real, fake = correct(y, p), y == 0, y == 1
    values = {
        "acc": right.mean(),
        "log_loss": log_losses(y, p).mean(),
        "acc_real": right[real].mean(),
        "acc_fake": right[fake].mean(),
        **{name: value[0] for name, value in ranked_metrics(Ranking.of(y, p).curves()).items()},
    }
    return {name: float(values[name]) for name in ALL_METRICS}


def ranked_metrics(curves: Curves) -> dict[str, Array]:
    """Return the metrics that only the order of scores decides, each (R,)."""
    return {
        "auc": curves.auc(),
        "eer": curves.eer(),
        "average_precision": curves.average_precision(),
        "tpr_at_1fpr": curves.tpr_at(0.01),
        "tpr_at_5fpr": curves.tpr_at(0.05),
    }


@dataclass(frozen=True)
class Reliability:
    """How often samples of about one P(fake) are fake: a row a bin (low, high], each array (B,).

    ``mean_p_fake`` and ``share_fake`` are NaN in empty bins.
    """

    low: Array
    high: Array
    count: NDArray[np.int64]
    mean_p_fake: Array
    share_fake: Array

    @property
    def error(self) -> float:
        """Expected calibration error: mean of abs(mean_p_fake - share_fake) over the samples.

        Naeini et al., AAAI 2015. It is of P(fake), not of the predicted class's probability.
        """
        gaps = np.abs(np.nan_to_num(self.mean_p_fake - self.share_fake))
        return float(self.count @ gaps / self.count.sum())


def reliability(labels: ArrayLike, p_fake: ArrayLike, bins: int = 15) -> Reliability:
    """Compare probabilities with frequencies in ``bins`` equal ranges; raises as `accuracy`."""
    y, p = _validate(labels, p_fake)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], p)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean, share = (np.bincount(place, weights=v, minlength=bins) / count for v in (p, y))
    return Reliability(edges[:-1], edges[1:], count, mean, share)


def video_scores(
    labels: ArrayLike, p_fake: ArrayLike, videos: ArrayLike
) -> tuple[NDArray[np.str_], NDArray[np.int64], Array]:
    """Return (names, labels, p_fake), each (V,), sorted by name; a video's score is its mean.

    Raises:
        DataError: as `accuracy`, or a video holds real and fake frames.
    """
    y, p = _validate(labels, p_fake)
    names, video, v = video_of(y, videos)
    return names, v.astype(np.int64), np.bincount(video, weights=p) / np.bincount(video)


def correct(y: Array, p: Array) -> Array:
    """Return 1.0 for every sample on the right side of 0.5, else 0.0, (n,)."""
    return np.asarray((p > THRESHOLD) == (y == 1), np.float64)


def log_losses(y: Array, p: Array) -> Array:
    """Return the negative log-likelihood of every sample in nats, (n,)."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(-np.log(np.where(y == 1, p, 1 - p)))


def video_of(labels: Array, videos: ArrayLike) -> tuple[NDArray[np.str_], NDArray[np.intp], Array]:
    """Return the sorted names (V,), each sample's video (n,) in 0..V-1 and each video's label (V,).

    Raises:
        DataError: not one video a sample, or a video holds real and fake frames.
    """
    values = np.asarray(videos)
    if values.shape != labels.shape:
        raise DataError(f"videos must be one a sample: {len(labels)} labels, shape {values.shape}")
    video, unique = pd.factorize(values)  # sorting the names of samples would take minutes
    names = np.asarray(unique).astype(str)
    order = np.argsort(names)
    video = np.argsort(order)[video]
    label = np.bincount(video, weights=labels) / np.bincount(video)
    mixed = names[order][(label != 0) & (label != 1)]
    if len(mixed):
        raise DataError(f"videos that hold real and fake frames: {', '.join(mixed[:3])}")
    return names[order], video, label


def _curves(labels: ArrayLike, p_fake: ArrayLike) -> Curves:
    return Ranking.of(*_validate_both(labels, p_fake)).curves()


def _validate(labels: ArrayLike, p_fake: ArrayLike) -> tuple[Array, Array]:
    y, p = np.asarray(labels, np.float64), np.asarray(p_fake, np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise DataError(f"labels and p_fake must both be (n,), got {y.shape} and {p.shape}")
    if not len(y):
        raise DataError("nothing to measure: labels and p_fake are empty")
    wrong = y[(y != 0) & (y != 1)]
    if len(wrong):
        raise DataError(f"labels must be 0 (real) or 1 (fake), found {wrong[0]:g}")
    for problem, bad in (
        ("NaN or infinite", ~np.isfinite(p)),
        ("outside [0, 1]", (p < 0) | (p > 1)),
    ):
        if bad.any():
            first = int(np.argmax(bad))
            raise DataError(
                f"{int(bad.sum())} of {len(p)} probabilities are {problem}, "
                f"the first is p_fake[{first}] = {p[first]:g}"
            )
    return y, p


def _validate_both(labels: ArrayLike, p_fake: ArrayLike) -> tuple[Array, Array]:
    y, p = _validate(labels, p_fake)
    if y.min() == y.max():
        there, missing = ("fake", "real") if y[0] else ("real", "fake")
        raise DataError(
            f"ROC, AUC and EER need both classes, but all {len(y)} samples are {there}: "
            f"add {missing} ones"
        )
    return y, p
