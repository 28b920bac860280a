"""Labels: methods, metrics and values as they are shown, in every table, figure and page."""

from __future__ import annotations

from collections.abc import Sequence

from ltw.methods import METHODS

METRIC_NAMES = {"acc": "ACC", "log_loss": "log loss", "auc": "AUC", "eer": "EER"}
"""The metrics that tables have, in their order."""
FURTHER_NAMES = {
    "average_precision": "average precision",
    "acc_real": "ACC of reals",
    "acc_fake": "ACC of fakes",
    "tpr_at_1fpr": "TPR at 1% FPR",
    "tpr_at_5fpr": "TPR at 5% FPR",
}
"""The others, which `ltw evaluate` shows."""
HIGHER_IS_BETTER = {"acc": True, "log_loss": False, "auc": True, "eer": False}
LIMITS = {"acc": (0.0, 1.0), "log_loss": (0.0, float("inf")), "auc": (0.0, 1.0), "eer": (0.0, 1.0)}
"""The values there can be."""

LEVEL_NAMES = {
    "frame": "Single frames.",
    "video": "Whole videos, each scored by the mean of its frames.",
}
DIGITS = 3


def method_name(method: str) -> str:
    """Return a method's printed name, or the name itself where it has none."""
    return METHODS[method].title if method in METHODS else method


def domain_name(domain: str) -> str:
    """Return a domain's name as prose: ``learned_swap`` -> ``learned swap``."""
    return domain.replace("_", " ")


def arrow(metric: str) -> str:
    """Return which way is better."""
    return "↑" if HIGHER_IS_BETTER[metric] else "↓"


def number(value: float) -> str:
    """Return a value as printed."""
    return f"{value:.{DIGITS}f}"


def signed(value: float) -> str:
    """Return a difference as printed."""
    return f"{value:+.{DIGITS}f}".replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """Return ``[low, high]``, or nothing where there is no interval."""
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """Return ``value [low, high]``."""
    return f"{number(value)} {interval(low, high)}".rstrip()


def difference(value: float, low: float | None, high: float | None) -> str:
    """Return ``+value [+low, +high]``, signed."""
    if low is None or high is None:
        return signed(value)
    return f"{signed(value)} [{signed(low)}, {signed(high)}]"


def span(counts: Sequence[float]) -> str:
    """Return sorted counts as words: of several, the least and the most."""
    return " to ".join(f"{count:g}" for count in dict.fromkeys((counts[0], counts[-1])))


def plural(count: int, noun: str) -> str:
    """Return ``1 seed`` or ``3 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
