"""Robustness: test faces corrupted, then scored again; nothing is trained or selected on them.

A run's folder gains ``robustness/CORRUPTION-STRENGTH.parquet``, predictions as those of the clean
faces, and ``robustness.csv``, what they measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.data.store import Store
from ltw.engine.evaluate import FaceSource, measure, predict_to_file
from ltw.engine.evaluate_run import load_predictor
from ltw.engine.run_folder import RunFolder
from ltw.errors import DataError
from ltw.files import atomic
from ltw.metrics import METRICS
from ltw.progress import progress_bar
from ltw.results.corruptions import CORRUPTIONS

FACE = ["video", "frame"]
"""What names a face in every copy of its store."""
COLUMNS = (
    *("corruption", "strength", "dataset", "domain", "compression", "frames", "videos"),
    *("level", "metric", "value", "low", "high"),
)


@dataclass(frozen=True)
class Condition:
    """A corruption at one of its strengths, 1 (barely seen) to 5."""

    corruption: str
    strength: int

    def __str__(self) -> str:
        return f"{self.corruption}-{self.strength}"


CONDITIONS = tuple(Condition(name, strength) for name in CORRUPTIONS for strength in range(1, 6))


class Corrupted:
    """The faces of ``source`` under a condition, the same pictures whoever asks, in any order."""

    def __init__(self, source: FaceSource, condition: Condition) -> None:
        self.path, self.records = source.path, source.records
        self._source, self._condition = source, condition
        self._seed = (crc32(condition.corruption.encode()), condition.strength)

    def images(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Faces ``indices`` as uint8 (K, S, S, 3) RGB, in the store's size."""
        corruption = CORRUPTIONS[self._condition.corruption]
        level = corruption.levels[self._condition.strength - 1]
        images = self._source.images(indices)
        faces = self.records.iloc[list(indices)]
        for image, video, frame in zip(images, faces["video"], faces["frame"], strict=True):
            rng = np.random.default_rng((crc32(video.encode()), int(frame), *self._seed))
            image[:] = corruption.apply(image, level, rng)
        return images


def measure_robustness(run: RunFolder, stores: Sequence[Store]) -> None:
    """Score the faces that ``run`` was tested on under every condition, and measure it.

    Of a suite's run, those of its benchmark; else all. Finished conditions are kept, unless they
    scored other faces. ``robustness.csv`` appears when all are there: a row a (condition, target,
    level, metric), `COLUMNS`, with 95% intervals over videos as in metrics.json.

    Raises:
        DataError: the run has not been tested, or faces of its test are in none, or two, of the
            stores.
    """
    tested = tested_faces(run)
    tests = _find(tested, stores)
    todo = [c for c in CONDITIONS if not _has_scored(run.corrupted_predictions(c), tested)]
    if todo:
        run.robustness_path.unlink(missing_ok=True)  # never a table of other predictions
        _score(run, tests, todo)
    if not run.robustness_path.exists():
        with atomic(run.robustness_path) as part:
            _measure(run).to_csv(part, index=False)


def read_robustness(run: RunFolder) -> pd.DataFrame | None:
    """Return a run's ``robustness.csv``; None if it has not been measured.

    Raises:
        DataError: the file is damaged.
    """
    path = run.robustness_path
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
        return table[list(COLUMNS)].astype(dict.fromkeys(("value", "low", "high"), float))
    except (ValueError, KeyError) as error:
        raise DataError(f"{path}: damaged ({error}); delete it and measure again") from None


def tested_faces(run: RunFolder) -> pd.DataFrame:
    """Return the rows of a run's predictions that its benchmark, if it is of one, is about.

    Raises:
        DataError: there are none.
    """
    benchmark = run.record().benchmark if run.is_of_suite else None
    parts = [
        faces
        for (dataset, domain, _), faces in run.tested_faces().items()
        if benchmark is None
        or any(benchmark.is_target(target, dataset, domain) for target in benchmark.targets)
    ]
    if not parts:
        raise DataError(f"{run}: none of its benchmark's targets has been tested")
    return pd.concat(parts).drop_duplicates(FACE)


def _find(tested: pd.DataFrame, stores: Sequence[Store]) -> list[tuple[Store, list[int]]]:
    wanted = pd.MultiIndex.from_frame(tested[FACE])
    tests, found = [], 0
    for store in stores:
        rows = np.flatnonzero(pd.MultiIndex.from_frame(store.records[FACE]).isin(wanted))
        if len(rows):
            tests.append((store, rows.tolist()))
            found += len(rows)
    if found != len(tested):
        where = ", ".join(str(store.path) for store in stores)
        raise DataError(
            f"{len(tested)} faces were tested, {found} such are in {where}; give the stores of "
            "the test, each once"
        )
    return tests


def _score(
    run: RunFolder, tests: Sequence[tuple[Store, list[int]]], conditions: Sequence[Condition]
) -> None:
    predict, image_size = load_predictor(run)
    faces = sum(len(rows) for _, rows in tests)
    done = (len(CONDITIONS) - len(conditions)) * faces
    config = run.config
    with progress_bar(
        f"corrupt {config.method} {config.seed}", len(CONDITIONS) * faces, done
    ) as advance:
        for condition in conditions:
            predict_to_file(
                predict,
                [(Corrupted(store, condition), rows) for store, rows in tests],
                run.corrupted_predictions(condition),
                image_size=image_size,
                on_batch=advance,
            )


def _measure(run: RunFolder) -> pd.DataFrame:
    rows = []
    for condition in CONDITIONS:
        for measured in measure(run.corrupted_predictions(condition))["domains"].values():
            known = {name: measured[name] for name in COLUMNS[2:7]}
            rows += [
                {**vars(condition), **known, "level": level, "metric": metric}
                | measured[level][metric]
                for level in ("frame", "video")
                for metric in METRICS
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _has_scored(path: Path, tested: pd.DataFrame) -> bool:
    """Whether a predictions file holds these faces and no others."""
    if not path.is_file():
        return False
    scored = pd.MultiIndex.from_frame(pd.read_parquet(path, columns=FACE))
    return len(scored) == len(tested) and bool(
        scored.isin(pd.MultiIndex.from_frame(tested[FACE])).all()
    )
