"""Learned weights of training faces: statistics of those that weighed the loss, and a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ltw.methods import Logs, Method
from ltw.types import REAL, Batch

Sums = dict[str, dict[str, list[float]]]
"""By domain, and by what is weighed with: [faces, Σ, Σ of squares]. Plain values, for JSON."""

KINDS = {"weights": "", "normalized_weights": "normalized_"}
"""What a step logs of each face, and how its statistics are called: p, and p as it was scaled."""


def add_weights(sums: Sums, batch: Batch, logs: Logs) -> None:
    """Add the weights of one step, as its logs give them, to the sums of the epoch."""
    for kind in KINDS.keys() & logs.keys():
        for domain, weight in zip(batch.domains, logs[kind].double().tolist(), strict=True):
            own = sums.setdefault(domain, {}).setdefault(kind, [0, 0.0, 0.0])
            for place, value in enumerate((1, weight, weight * weight)):
                own[place] += value


def weight_statistics(sums: Sums) -> dict[str, Any]:
    """Return what the log says of an epoch's weights; nothing where no face was weighed.

    ``"weights"``: the mean p of each domain. ``"weight_statistics"``: of each domain and each class
    (``real`` and ``fake``) the faces that were weighed, mean and standard deviation of p and, where
    weights are normalised, of the scaled ones that stand in Eq. 1 (``normalized_mean``, ...).
    """
    if not sums:
        return {}
    domains = {domain: _statistics([sums[domain]]) for domain in sorted(sums)}
    members = {"real": [REAL], "fake": [domain for domain in sorted(sums) if domain != REAL]}
    classes = {
        name: _statistics([sums[domain] for domain in own if domain in sums])
        for name, own in members.items()
    }
    return {
        "weights": {domain: values["mean"] for domain, values in domains.items()},
        "weight_statistics": {
            "domains": domains,
            "classes": {k: v for k, v in classes.items() if v},
        },
    }


def _statistics(parts: list[dict[str, list[float]]]) -> dict[str, float]:
    """Return faces, means and standard deviations of domains taken together."""
    result: dict[str, float] = {}
    for kind, prefix in KINDS.items():
        own = [part[kind] for part in parts if kind in part]
        if own:
            n, total, squares = (sum(values) for values in zip(*own, strict=True))
            mean = total / n
            result["faces"] = n
            result[f"{prefix}mean"] = mean
            result[f"{prefix}std"] = math.sqrt(max(squares / n - mean * mean, 0.0))
    return result


def weight_table(method: Method, batches: Iterable[Batch]) -> pd.DataFrame:
    """Return what training faces weigh in training mode: index, domain, label, weight.

    A face's weight depends on the batch it stands in (BatchNorm); it is that of the first.
    ``normalized_weight`` is there where weights are normalised. No row where nothing is weighed.
    """
    parts = []
    for batch in batches:
        weights = {
            kind.removesuffix("s"): w.cpu().numpy() for kind, w in method.weigh(batch).items()
        }
        if not weights:
            return pd.DataFrame()
        known = {"domain": batch.domains, "label": batch.labels.cpu().numpy().astype(int)}
        parts.append(pd.DataFrame({"index": batch.indices, **known, **weights}))
    table = pd.concat(parts, ignore_index=True).drop_duplicates("index")
    return table.sort_values("index", ignore_index=True)
