"""Schema of a run's JSON files, benchmark.json and metrics.json, validated when they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from ltw.metrics import Level
from ltw.schema import JSONFile, Values


@dataclass(frozen=True)
class Benchmark:
    """Benchmark: train on the forgeries ``sources``, test on each of ``targets`` with its reals.

    A target is a domain or, where data sets have forgeries of one name, ``dataset/domain``; a data
    set that is named so is never trained on. ``compression`` None: the one there is.
    """

    name: str
    sources: tuple[str, ...]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    compression: str | None = None

    @property
    def foreign(self) -> frozenset[str]:
        """The data sets that a target names: only tested on."""
        return frozenset(target.split("/")[0] for target in self.targets if "/" in target)

    def is_target(self, target: str, dataset: str, domain: str) -> bool:
        """Whether faces of ``domain`` in ``dataset`` are those that ``target`` means."""
        if "/" in target:
            return target == f"{dataset}/{domain}"
        return target == domain and dataset not in self.foreign

    @property
    def domains(self) -> tuple[str, ...]:
        """The targets' domains, each once."""
        return tuple(dict.fromkeys(target.split("/")[-1] for target in self.targets))


class SuiteRecord(JSONFile):
    """benchmark.json: which run of a suite it is; ``notes`` are for readers of its results."""

    benchmark: Benchmark
    method: str
    variant: str = ""
    seed: int
    notes: tuple[str, ...] = ()


class MetricValue(Values):
    """A metric with its 95% confidence interval, None where there is none."""

    value: float
    low: float | None
    high: float | None


class Resampled(Values):
    """What the intervals of a test rest on: so many people, or videos, drawn with replacement."""

    unit: Literal["person", "video"]
    units: int
    few_people: int = 0
    """People in several videos who are too few to be drawn: intervals are then too narrow."""


class TestMetrics(Values):
    """What was measured of one forgery and the reals of its data set and compression."""

    __test__ = False  # no test of pytest's

    dataset: str
    domain: str
    compression: str
    frames: int
    videos: int
    resampled: Resampled | None = None
    frame: dict[str, MetricValue]
    video: dict[str, MetricValue]

    def at(self, level: Level) -> dict[str, MetricValue]:
        """Return the metrics by name, of frames or of videos."""
        return self.frame if level == "frame" else self.video

    @property
    def keys(self) -> tuple[str, str]:
        """The names that metrics.json may have it under; its notes begin with one of them."""
        return self.domain, f"{self.dataset}/{self.domain}/{self.compression}"


class Metrics(JSONFile):
    """metrics.json: every forgery that a run was tested on, and notes on what was not measured."""

    domains: dict[str, TestMetrics]
    notes: tuple[str, ...] = ()
    replicates: int
    seed: int
    level: float
