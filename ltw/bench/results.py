"""Finished runs as tables see them: which row each belongs to, and its scores on every target."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ltw.bench.estimates import Sample
from ltw.bench.figures import method_name
from ltw.bench.records import finished
from ltw.bench.resampling import Array, Scores, draw_videos
from ltw.bench.suites import Benchmark
from ltw.config import Config
from ltw.engine.evaluate import domain_faces
from ltw.engine.run import METRICS, PREDICTIONS, read_run_config, settings
from ltw.errors import DataError

LEVELS = ("frame", "video")
LOG = "metrics.jsonl"


class Row(NamedTuple):
    """A row of a table: runs that differ in their seeds alone."""

    method: str
    variant: str = ""
    settings: str = ""
    """Where runs of one benchmark differ otherwise too: these settings, ``key=value``."""

    def __str__(self) -> str:
        more = ", ".join(filter(None, (self.variant, self.settings)))
        return method_name(self.method) + (f" ({more})" if more else "")


@dataclass
class Test:
    """A run's scores on one target: ``figures`` as metrics.json has them, at one level."""

    figures: dict[str, dict[str, Any]]
    frames: int
    videos: pd.DataFrame  # one row a video, by name: dataset, domain, label, video
    scores: Scores
    _drawn: dict[str, Array] = field(default_factory=dict)

    def replicates(self, metric: str) -> Array | None:
        """Return the metric (R,) on draws of the videos; None where a class has fewer than two."""
        if self.videos["label"].value_counts().min() < 2:
            return None
        if not self._drawn:
            self._drawn |= self.scores.replicate(draw_videos(self.videos))
        return self._drawn[metric]

    def same_faces(self, other: Test) -> bool:
        """Whether both were tested on as many frames of the same videos."""
        columns = ["label", "video"]
        return self.frames == other.frames and self.videos[columns].equals(other.videos[columns])


@dataclass(frozen=True)
class Result:
    """A finished run; ``notes`` say what a reader must know of it."""

    run: str
    benchmark: Benchmark
    row: Row
    seed: int
    config: Config
    notes: tuple[str, ...]
    tests: dict[str, Test]


class Group(tuple[Result, ...]):
    """The runs of one row on one benchmark, by seed."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is to be known of any of them, and of whether they belong together."""
        apart = [
            f"{self[0].benchmark.name}, {self[0].row}: the seeds were tested on different faces of "
            f"{target}, so there is no interval; run `ltw evaluate` on all of them"
            for target in self[0].tests
            if not self._comparable(target)
        ]
        return tuple(dict.fromkeys([*(note for run in self for note in run.notes), *apart]))

    def sample(self, targets: Sequence[str], metric: str) -> Sample:
        """Return the metric, as the mean over ``targets``, of every seed."""
        values = [[run.tests[name].figures[metric]["value"] for name in targets] for run in self]
        drawn = [[run.tests[name].replicates(metric) for name in targets] for run in self]
        whole = all(self._comparable(name) for name in targets) and all(
            replicates is not None for row in drawn for replicates in row
        )
        return Sample(
            tuple(run.seed for run in self),
            np.mean(values, axis=1),
            np.mean(np.array(drawn, float), axis=1) if whole else None,
        )

    def _comparable(self, target: str) -> bool:
        return all(run.tests[target].same_faces(self[0].tests[target]) for run in self)


Groups = dict[tuple[str, Row], Group]
"""By the benchmark's name and the row."""


def read_groups(out: Path, level: str) -> Groups:
    """Read every finished run below ``out``, the scores at ``level`` (``frame`` or ``video``).

    Raises:
        DataError: there is no finished run, a file of one is missing or damaged, or two runs of the
            same settings have the same seed.
    """
    records = finished(out)
    if not records:
        raise DataError(f"{out}: no finished run in {out / 'runs'}; make some: ltw bench run")
    configs = [read_run_config(out / "runs" / record["run"]) for record in records]
    groups: dict[tuple[str, Row], dict[int, Result]] = defaultdict(dict)
    for record, config, changed in zip(records, configs, _changed(records, configs), strict=True):
        result = _read(out / "runs" / record["run"], record, config, changed, level)
        same = groups[result.benchmark.name, result.row]
        if result.seed in same:
            raise DataError(
                f"{same[result.seed].run} and {result.run} are the same run; remove one of them"
            )
        same[result.seed] = result
    return {key: Group(runs[seed] for seed in sorted(runs)) for key, runs in groups.items()}


def _changed(records: Sequence[dict[str, Any]], configs: Sequence[Config]) -> list[str]:
    """Return each run's values of the settings, but for the seed, in which its like differ."""
    like: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        like[record["benchmark"]["name"], record["method"], record["variant"]].append(place)
    changed = [""] * len(records)
    for places in like.values():
        flat = pd.DataFrame([settings(configs[place]) for place in places]).astype(str)
        apart = [key for key in flat if key != "seed" and flat[key].nunique() > 1]
        for place, values in zip(places, flat[apart].to_dict("records"), strict=True):
            changed[place] = ", ".join(f"{key}={value}" for key, value in values.items())
    return changed


def _read(folder: Path, record: dict[str, Any], config: Config, changed: str, level: str) -> Result:
    fields = record["benchmark"]
    benchmark = Benchmark(
        fields["name"], tuple(fields["sources"]), tuple(fields["targets"]), fields["compression"]
    )
    tested = domain_faces(folder / PREDICTIONS)[0].values()
    return Result(
        record["run"],
        benchmark,
        Row(record["method"], record["variant"], changed),
        record["seed"],
        config,
        (*record["notes"], *_notes(folder, record["targets"].values())),
        {
            target: _test(tested, entry, level, folder)
            for target, entry in record["targets"].items()
        },
    )


def _test(
    tested: Collection[pd.DataFrame], entry: dict[str, Any], level: str, folder: Path
) -> Test:
    for faces in tested:
        fake = faces.iloc[0]  # a test begins with its fakes
        if all(fake[name] == entry[name] for name in ("dataset", "domain", "compression")):
            videos = faces[["dataset", "domain", "label", "video"]].drop_duplicates("video")
            return Test(
                entry[level],
                len(faces),
                videos.sort_values("video", ignore_index=True),
                Scores.of(faces, level),
            )
    raise DataError(
        f"{folder}: {PREDICTIONS} lacks {entry['domain']}, which {METRICS} has; delete both and "
        "run the suite again"
    )


def _notes(folder: Path, entries: Collection[dict[str, Any]]) -> list[str]:
    """Return what training noted, and what the tests noted of these domains."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
        trained = [json.loads(line)["note"] for line in lines if '"kind": "note"' in line]
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / LOG}: damaged ({error})") from None
    measured = json.loads((folder / METRICS).read_text(encoding="utf-8"))["notes"]
    keys = {
        key
        for entry in entries
        for key in (entry["domain"], "{dataset}/{domain}/{compression}".format(**entry))
    }
    return trained + [note for note in measured if note.partition(":")[0] in keys]
