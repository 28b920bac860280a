"""LTW against each other method: the same drawn videos and the same seeds for both."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ltw.bench.finished import Row
from ltw.bench.results import Group, Groups
from ltw.bench.suites import GCD, GID
from ltw.errors import ConfigError, did_you_mean
from ltw.metrics import Estimate, Sample, estimate

METHOD, METRIC = "ltw", "auc"
PAPER = {*GID, GCD.name}


@dataclass(frozen=True)
class Comparison:
    """``row``'s metric minus that of ``versus``.

    ``target`` None: the mean over the targets of several ``benchmarks``. ``difference`` None: the
    two have no seed in common, or were not tested on the same faces.
    """

    row: Row
    versus: Row
    benchmarks: tuple[str, ...]
    target: str | None
    difference: Estimate | None

    @property
    def benchmark(self) -> str:
        """Return the benchmark's name, or of how many it is the mean."""
        return self.benchmarks[0] if self.target else f"mean of {len(self.benchmarks)}"


def compare(groups: Groups, versus: Collection[str] = ()) -> Iterator[Comparison]:
    """Yield the difference in AUC on every target, and its mean over all benchmarks.

    A row is compared with rows of the same variant (a backbone, say) on the same faces, over the
    seeds that both have. In the mean every benchmark counts as much, and in a benchmark each of its
    targets; the paper's benchmarks and others are not mixed.

    Raises:
        ConfigError: no run is of a method in ``versus``, or none of LTW though ``versus`` is given.
    """
    methods = {row.method for _, row in groups}
    for method in (*versus, *([METHOD] if versus else [])):
        if method not in methods:
            raise ConfigError(
                f"versus: no finished run of {method!r}{did_you_mean(method, methods)}"
            )
    pairs = dict.fromkeys(
        (name in PAPER, first, second)
        for name, first in groups
        for at, second in groups
        if at == name and _comparable(first, second) and (second.method in versus or not versus)
    )
    for paper, first, second in pairs:
        both = [
            (groups[name, first], groups[name, second])
            for name, row in groups
            if row == first and (name, second) in groups and (name in PAPER) == paper
        ]
        yield from _pair(first, second, both)


def _comparable(first: Row, second: Row) -> bool:
    settings = first.settings == second.settings or not (first.settings and second.settings)
    other = first.method == METHOD != second.method
    return other and first.variant == second.variant and settings


def _same_tests(first: Group, second: Group) -> bool:
    """Whether some seeds are the same, and every run was tested on the same faces."""
    seeds = {run.seed for run in first} & {run.seed for run in second}
    runs = (*first, *second)
    return bool(seeds) and all(
        runs[0].tests[target].same_faces(run.tests[target])
        for run in runs
        for target in first[0].benchmark.targets
    )


def _pair(first: Row, second: Row, both: list[tuple[Group, Group]]) -> Iterator[Comparison]:
    means: dict[str, Sample] = {}
    for one, other in both:
        benchmark = one[0].benchmark
        same = _same_tests(one, other)
        for target in benchmark.targets:
            found = _estimate([_difference(one, other, (target,))]) if same else None
            yield Comparison(first, second, (benchmark.name,), target, found)
        if same:
            means[benchmark.name] = _difference(one, other, benchmark.targets)
    if len(means) > 1:
        yield Comparison(first, second, tuple(means), None, _estimate(list(means.values())))


def _difference(one: Group, other: Group, targets: tuple[str, ...]) -> Sample:
    return one.sample(targets, METRIC).minus(other.sample(targets, METRIC))


def _estimate(samples: list[Sample]) -> Estimate:
    return estimate(samples, (-1.0, 1.0))
