"""Rounded numbers never stand on the other side of a threshold than the numbers do."""

import numpy as np
import pytest

from ltw.infer.wording import decimals, percent, percent_decimals


@pytest.mark.parametrize("seed", range(20))
def test_rounding_keeps_every_order(seed):
    rng = np.random.default_rng(seed)
    bounds = sorted(rng.random(2).tolist())
    near = [bound + step for bound in bounds for step in (-1e-3, -1e-6, -1e-10, 0.0, 1e-9, 1e-4)]
    scores = [p for p in [*rng.random(50).tolist(), *near] if 0 <= p <= 1]
    digits = decimals(scores, bounds)
    for bound in bounds:
        shown = float(f"{bound:.{digits}f}")
        assert [float(f"{p:.{digits}f}") >= shown for p in scores] == [p >= bound for p in scores]


def test_the_case_that_contradicted_itself():
    digits = percent_decimals([0.777], [0.7786])
    assert (percent(0.777, digits), percent(0.7786, digits)) == ("77.7%", "77.9%")
    assert decimals([0.777], [0.7786], least=3) == 3
    assert percent_decimals([0.3], [0.7786]) == 0


@pytest.mark.parametrize(
    ("p", "digits", "text"),
    [
        (0.0, 0, "0%"),
        (0.001, 0, "< 1%"),
        (0.999, 0, "> 99%"),
        (0.9999, 1, "> 99.9%"),
        (0.0001, 1, "< 0.1%"),
        (1.0, 0, "100%"),
        (0.534, 0, "53%"),
    ],
)
def test_nearly_is_not_fully(p, digits, text):
    assert percent(p, digits) == text
