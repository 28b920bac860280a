"""Schema of a run's JSON files, benchmark.json and metrics.json, validated when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from ltw.errors import DataError
from ltw.files import write_text
from ltw.metrics import Level


class _Values(BaseModel):
    """Values of a file of ours: keys of later versions are ignored, wrong values are errors."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class JSONFile(_Values):
    """A JSON file of ours, as a whole."""

    @classmethod
    def read(cls, path: Path, fix: str) -> Self:
        """Read and validate ``path``; ``fix`` says what to do where that fails.

        Raises:
            DataError: the file is missing or damaged, naming it, the key and the value.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); {fix}") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            where = f"{key} = {first['input']!r:.80}: " if key else ""
            raise DataError(f"{path}: damaged ({where}{first['msg']}); {fix}") from None

    def write(self, path: Path) -> None:
        """Write the file, atomically."""
        write_text(path, self.model_dump_json(indent=2) + "\n")


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


class MetricValue(_Values):
    """A metric with its 95% confidence interval, None where there is none."""

    value: float
    low: float | None
    high: float | None


class Resampled(_Values):
    """What the intervals of a test rest on: so many people, or videos, drawn with replacement."""

    unit: Literal["person", "video"]
    units: int
    few_people: int = 0
    """People in several videos who are too few to be drawn: intervals are then too narrow."""


class TestMetrics(_Values):
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
