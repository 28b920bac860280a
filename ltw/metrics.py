"""Detection metrics: pure functions on arrays, and intervals that resample videos.

``labels`` are 0 (real) or 1 (fake), ``p_fake`` probabilities of being fake in [0, 1], both (n,);
fake is the positive class. One ranked pass yields all four metrics for any sample weights, so a
point estimate (weights 1) and a bootstrap replicate (weights = how often a video was drawn) come
from the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltw.errors import DataError

Array = NDArray[np.float64]
Interval = tuple[float, float]

METRICS = ("acc", "log_loss", "auc", "eer")
THRESHOLD = 0.5
CLIP = 1e-7
"""Log loss keeps probabilities in [CLIP, 1 - CLIP]."""

_CHUNK = 100_000  # weights held at once by the bootstrap: a few arrays that fit in cache


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
    ranking = _Ranking.of(*_validate_both(labels, p_fake))
    fpr, tpr = ranking.roc(np.ones((1, len(ranking.fake))))
    return fpr[0], tpr[0], np.concatenate([[np.inf], ranking.scores[ranking.ends]])


def auc(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Area under the ROC curve, a tie counting one half; raises as `roc_curve` does."""
    return evaluate(labels, p_fake)["auc"]


def eer(labels: ArrayLike, p_fake: ArrayLike) -> float:
    """Error rate where FPR = 1 - TPR, interpolated between ROC vertices; raises as `roc_curve`."""
    return evaluate(labels, p_fake)["eer"]


def evaluate(labels: ArrayLike, p_fake: ArrayLike) -> dict[str, float]:
    """Return all of `METRICS` by name; raises as `roc_curve` does."""
    ranking = _Ranking.of(*_validate_both(labels, p_fake))
    values = ranking.metrics(np.ones((1, len(ranking.fake))))
    return {name: float(value[0]) for name, value in values.items()}


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
    names, video, v = _by_video(y, videos)
    return names, v.astype(np.int64), np.bincount(video, weights=p) / np.bincount(video)


def bootstrap(
    labels: ArrayLike,
    p_fake: ArrayLike,
    videos: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, dict[str, Interval]]:
    """Percentile intervals ``{"frame" | "video": {metric: (low, high)}}`` of every metric.

    Whole videos are drawn with replacement, all their frames together: frames of one video are
    nearly copies of each other, and drawing them singly would make intervals far too narrow. Real
    and fake videos are drawn apart, each class as often as it has videos, so that every replicate
    holds both. The intervals speak of other test videos, not of another training run.

    Raises:
        DataError: as `video_scores`, or a class has fewer than two videos (nothing to resample).
    """
    return _intervals(resample(labels, p_fake, videos, replicates=replicates, seed=seed), level)


def bootstrap_difference(
    labels: ArrayLike,
    p_first: ArrayLike,
    p_second: ArrayLike,
    videos: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, dict[str, Interval]]:
    """Intervals, as `bootstrap` gives, of (second's metric - first's) on the same faces.

    Both are measured on the same drawn videos, so how hard those happen to be cancels out; two
    separate intervals may overlap although one detector is plainly better.
    """
    first = resample(labels, p_first, videos, replicates=replicates, seed=seed)
    second = resample(labels, p_second, videos, replicates=replicates, seed=seed)
    return _intervals(
        {at: {name: second[at][name] - first[at][name] for name in METRICS} for at in first}, level
    )


def resample(
    labels: ArrayLike, p_fake: ArrayLike, videos: ArrayLike, *, replicates: int, seed: int
) -> dict[str, dict[str, Array]]:
    """Return the metrics of each replicate, ``{"frame" | "video": {metric: (replicates,)}}``.

    The draws depend on the labels, the videos and the seed alone, never on the probabilities.
    """
    y, p = _validate_both(labels, p_fake)
    _, video, v = _by_video(y, videos)
    frames = _Ranking.of(y, p)
    clips = _Ranking.of(v, np.bincount(video, weights=p) / np.bincount(video))
    video_of_frame = video[frames.order]
    parts: dict[str, list[dict[str, Array]]] = {"frame": [], "video": []}
    for drawn in _draws(v, replicates, seed, chunk=max(1, _CHUNK // len(y))):
        parts["frame"].append(frames.metrics(np.take(drawn, video_of_frame, axis=1)))
        parts["video"].append(clips.metrics(np.take(drawn, clips.order, axis=1)))
    return {
        at: {name: np.concatenate([part[name] for part in chunks]) for name in METRICS}
        for at, chunks in parts.items()
    }


def _draws(v: Array, replicates: int, seed: int, chunk: int) -> Iterator[Array]:
    """Yield (r, V) counts of how often each video was drawn, ``chunk`` replicates at a time."""
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(v == label) for label in (0, 1)]
    for name, members in zip(("real", "fake"), classes, strict=True):
        if len(members) < 2:
            raise DataError(
                f"an interval resamples videos: at least 2 {name} videos are needed, "
                f"found {len(members)}"
            )
    for start in range(0, replicates, chunk):
        counts = np.zeros((min(chunk, replicates - start), len(v)))
        for row in counts:  # a row at a time: the draws do not depend on the size of a chunk
            for members in classes:
                picks = rng.integers(len(members), size=len(members))
                row[members] = np.bincount(picks, minlength=len(members))
        yield counts


def _intervals(
    replicates: dict[str, dict[str, Array]], level: float
) -> dict[str, dict[str, Interval]]:
    tails = [(1 - level) / 2, (1 + level) / 2]

    def interval(values: Array) -> Interval:
        low, high = np.quantile(values, tails)
        return float(low), float(high)

    return {at: {k: interval(v) for k, v in named.items()} for at, named in replicates.items()}


@dataclass(frozen=True)
class _Ranking:
    """Samples sorted once from most to least fake; ``ends`` closes every run of equal scores."""

    order: NDArray[np.intp]
    scores: Array
    fake: Array
    correct: Array
    losses: Array
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, y: Array, p: Array) -> _Ranking:
        order = np.argsort(-p, kind="stable")
        y, p = y[order], p[order]
        ends = np.flatnonzero(np.append(np.diff(p) != 0, True))
        return cls(order, p, y, correct(y, p), log_losses(y, p), ends)

    def roc(self, weights: Array) -> tuple[Array, Array]:
        """Return (fpr, tpr), each (R, v), for ranked sample weights (R, n)."""
        fakes = self._cumulate(weights * self.fake)
        reals = self._cumulate(weights) - fakes
        return reals / reals[:, -1:], fakes / fakes[:, -1:]

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Return each metric (R,) for ranked sample weights (R, n)."""
        fpr, tpr = self.roc(weights)
        total = weights.sum(axis=1)
        return {
            "acc": weights @ self.correct / total,
            "log_loss": weights @ self.losses / total,
            "auc": np.sum(np.diff(fpr) * (tpr[:, 1:] + tpr[:, :-1]), axis=1) / 2,
            "eer": equal_error(fpr, tpr),
        }

    def _cumulate(self, weights: Array) -> Array:
        sums = np.zeros((len(weights), len(self.ends) + 1))
        np.cumsum(weights, axis=1).take(self.ends, axis=1, out=sums[:, 1:])
        return sums


def equal_error(fpr: Array, tpr: Array) -> Array:
    """Return (R,) where FPR - (1 - TPR) crosses zero on the lines between ROC vertices (R, v)."""
    excess = fpr + tpr - 1  # rises from -1 to 1
    after = np.argmax(excess >= 0, axis=1)
    rows = np.arange(len(fpr))
    a, b = excess[rows, after - 1], excess[rows, after]
    x, y = fpr[rows, after - 1], fpr[rows, after]
    return np.asarray(x - a / (b - a) * (y - x))


def correct(y: Array, p: Array) -> Array:
    """Return 1.0 for every sample on the right side of 0.5, else 0.0, (n,)."""
    return np.asarray((p > THRESHOLD) == (y == 1), np.float64)


def log_losses(y: Array, p: Array) -> Array:
    """Return the negative log-likelihood of every sample in nats, (n,)."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(-np.log(np.where(y == 1, p, 1 - p)))


def _by_video(y: Array, videos: ArrayLike) -> tuple[NDArray[np.str_], NDArray[np.intp], Array]:
    """Return the sorted names (V,), each sample's video (n,) and each video's label (V,)."""
    values = np.asarray(videos).astype(str)
    if values.shape != y.shape:
        raise DataError(f"videos must be one a sample: {len(y)} labels, shape {values.shape}")
    names, video = np.unique(values, return_inverse=True)
    v = np.bincount(video, weights=y) / np.bincount(video)
    mixed = names[(v != 0) & (v != 1)]
    if len(mixed):
        raise DataError(f"videos that hold real and fake frames: {', '.join(mixed[:3])}")
    return names, video, v


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
