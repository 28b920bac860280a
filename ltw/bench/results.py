"""Finished runs as tables see them: by row, with their scores on every target."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ltw.bench.finished import Row, Run
from ltw.engine.evaluate import domain_faces
from ltw.engine.run import LOG, METRICS, PREDICTIONS
from ltw.errors import DataError
from ltw.metrics import Array, Draws, Level, Sample, Scores, draw

LEVELS = ("frame", "video")
VIDEO = ["dataset", "domain", "label", "video", "person", "donor_person"]


@dataclass
class Test:
    """A run's scores on one target: ``figures`` as metrics.json has them, at one level."""

    figures: dict[str, dict[str, Any]]
    frames: int
    videos: pd.DataFrame  # one row a video, by name, in the columns VIDEO
    scores: Scores
    _drawn: dict[str, Array] = field(default_factory=dict)

    def replicates(self, metric: str) -> Array | None:
        """Return the metric (R,) on draws of the videos; None where a class has fewer than two."""
        if self.draws is None:
            return None
        if not self._drawn:
            self._drawn |= self.scores.replicate(self.draws)
        return self._drawn[metric]

    @cached_property
    def draws(self) -> Draws | None:
        """Draws of the videos; None where a class has fewer than two."""
        few = self.videos["label"].value_counts().min() < 2
        return None if few else draw(self.videos)

    def same_faces(self, other: Test) -> bool:
        """Whether both were tested on as many frames of the same videos."""
        columns = ["label", "video"]
        return self.frames == other.frames and self.videos[columns].equals(other.videos[columns])


@dataclass(frozen=True)
class Result(Run):
    """A finished run with its scores on every target; ``notes`` are those of its files too."""

    tests: Mapping[str, Test]


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
        units = [draws.fewest for name in targets if (draws := self[0].tests[name].draws)]
        return Sample(
            tuple(run.seed for run in self),
            np.mean(values, axis=1),
            np.mean(np.array(drawn, float), axis=1) if whole else None,
            min(units, default=None),
        )

    def _comparable(self, target: str) -> bool:
        return all(run.tests[target].same_faces(self[0].tests[target]) for run in self)


Groups = dict[tuple[str, Row], Group]
"""By the benchmark's name and the row."""


def read_groups(runs: Sequence[Run], level: Level) -> Groups:
    """Read the scores of ``runs``, sorted as by `read_runs`, at ``level`` (``frame`` or ``video``).

    Raises:
        DataError: a file of a run is missing or damaged.
    """
    results = [_read(run, level) for run in runs]
    rows = groupby(results, lambda result: (result.benchmark.name, result.row))
    return {key: Group(seeds) for key, seeds in rows}


def _read(run: Run, level: Level) -> Result:
    tested = domain_faces(run.folder / PREDICTIONS)[0].values()
    tests = {
        target: _test(tested, entry, level, run.folder) for target, entry in run.targets.items()
    }
    notes = (*run.notes, *_notes(run.folder, run.targets.values()))
    return Result(**(vars(run) | {"notes": notes}), tests=tests)


def _test(
    tested: Collection[pd.DataFrame], entry: Mapping[str, Any], level: Level, folder: Path
) -> Test:
    for faces in tested:
        fake = faces.iloc[0]  # a test begins with its fakes
        if all(fake[name] == entry[name] for name in ("dataset", "domain", "compression")):
            videos = faces[["dataset", "domain", "label", "video", "person"]].drop_duplicates(
                "video"
            )
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


def _notes(folder: Path, entries: Collection[Mapping[str, Any]]) -> list[str]:
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
