"""Wording of verdicts and scores for people, in tables, reports and pages.

A rounded score never stands on the other side of a threshold than the score itself: `decimals` says
how many digits that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from ltw.infer.prediction import Verdict

WORDS: dict[Verdict, str] = {
    "fake": "looks forged",
    "unclear": "unclear",
    "real": "no sign of forgery",
    "no-face": "no face found",
    "error": "error",
}
MOST = 16
"""Decimals that any two numbers in [0, 1] in double precision differ in, but for a few near 0."""


def decimals(scores: Iterable[float], bounds: Sequence[float], least: int = 0) -> int:
    """Return with how many decimals to print scores and bounds, so that none seems to cross over.

    Args:
        scores: numbers.
        bounds: thresholds they are compared with; a score at a threshold is not below it.
        least: decimals at least.
    """
    pairs = [(p, bound) for p, bound in product(scores, bounds) if p != bound]
    return next(
        (
            digits
            for digits in range(least, MOST)
            if all(f"{p:.{digits}f}" != f"{bound:.{digits}f}" for p, bound in pairs)
        ),
        MOST,
    )


def percent(p: float, digits: int = 0) -> str:
    """Return P(fake) in [0, 1] as a percentage; what is nearly 0% or 100% is not called so."""
    text = f"{100 * p:.{digits}f}"
    least = f"{10.0**-digits:.{digits}f}"
    if p > 0 and float(text) == 0:
        return f"< {least}%"
    if p < 1 and float(text) == 100:
        return f"> {100 - 10.0**-digits:.{digits}f}%"
    return f"{text}%"


def percent_decimals(scores: Iterable[float], bounds: Sequence[float]) -> int:
    """Return `decimals` for `percent`."""
    return decimals([100 * p for p in scores], [100 * bound for bound in bounds])
