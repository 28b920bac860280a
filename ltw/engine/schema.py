"""Schema of a run's JSON files: metrics.json and benchmark.json, validated when they are read."""

from __future__ import annotations

from typing import Literal

from ltw.engine.benchmark import Benchmark
from ltw.metrics import Level
from ltw.schema import JSONFile, Values


class SuiteRecord(JSONFile):
    """benchmark.json: which run of a suite it is; ``notes`` are for readers of its results."""

    benchmark: Benchmark
    method: str
    variant: str = ""
    seed: int
    notes: tuple[str, ...] = ()


class Interval(Values):
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
    frame: dict[str, Interval]
    video: dict[str, Interval]

    def at(self, level: Level) -> dict[str, Interval]:
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
