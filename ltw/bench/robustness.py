"""How finished runs do when the pictures get worse: test faces corrupted, then scored again.

A run's folder gains ``robustness/CORRUPTION-STRENGTH.parquet``, predictions as those of the clean
faces, and ``robustness.csv``, what they measure. Nothing is trained, selected or tuned on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltw.bench.corruptions import CORRUPTIONS
from ltw.bench.records import RECORD, read_record
from ltw.data.store import Store
from ltw.engine.evaluate import (
    FaceSource,
    domain_faces,
    measure,
    predict_to_file,
)
from ltw.engine.run import CONFIG, PREDICTIONS, load_predictor, read_run_config
from ltw.errors import DataError, did_you_mean
from ltw.files import atomic
from ltw.metrics import METRICS
from ltw.progress import progress_bar

FOLDER, TABLE = "robustness", "robustness.csv"
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


def find_runs(folder: Path, methods: Sequence[str] | None = None) -> list[Path]:
    """Return the runs to measure: ``folder`` itself, or the runs of a suite in it, by method.

    Raises:
        DataError: there is none, or none of one of the methods.
    """
    if (folder / CONFIG).is_file():
        runs = [folder]
    else:
        runs = sorted(path.parent for path in (folder / "runs").glob(f"*/{CONFIG}"))
    if not runs:
        raise DataError(f"{folder}: no run here; make some: ltw bench run, or ltw train")
    by_method = {run: read_run_config(run).method for run in runs}
    for method in methods or ():
        if method not in by_method.values():
            raise DataError(
                f"{folder}: no run of {method!r}{did_you_mean(method, by_method.values())}"
            )
    return [run for run, method in by_method.items() if methods is None or method in methods]


def measure_robustness(run: Path, stores: Sequence[Store]) -> None:
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
    todo = [c for c in CONDITIONS if not _has_scored(_path(run, c), tested)]
    if todo:
        (run / TABLE).unlink(missing_ok=True)  # never a table of other predictions
        _score(run, tests, todo)
    if not (run / TABLE).exists():
        with atomic(run / TABLE) as part:
            _measure(run).to_csv(part, index=False)


def read_robustness(run: Path) -> pd.DataFrame | None:
    """Return a run's ``robustness.csv``; None if it has not been measured.

    Raises:
        DataError: the file is damaged.
    """
    if not (run / TABLE).is_file():
        return None
    try:
        table = pd.read_csv(run / TABLE)
        return table[list(COLUMNS)].astype(dict.fromkeys(("value", "low", "high"), float))
    except (ValueError, KeyError) as error:
        raise DataError(f"{run / TABLE}: damaged ({error}); delete it and measure again") from None


def tested_faces(run: Path) -> pd.DataFrame:
    """Return the rows of a run's predictions that its benchmark, if it is of one, is about.

    Raises:
        DataError: there are none.
    """
    read_run_config(run)
    if not (run / PREDICTIONS).is_file():
        raise DataError(f"{run}: not tested yet; finish it with the command that began it")
    benchmark = read_record(run)[1] if (run / RECORD).is_file() else None
    parts = []
    for faces in domain_faces(run / PREDICTIONS)[0].values():
        fake = faces[faces["label"] == 1].iloc[0]
        if benchmark is None or any(
            benchmark.is_target(target, fake["dataset"], fake["domain"])
            for target in benchmark.targets
        ):
            parts.append(faces)
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
    run: Path, tests: Sequence[tuple[Store, list[int]]], conditions: Sequence[Condition]
) -> None:
    predict, image_size = load_predictor(run)
    faces = sum(len(rows) for _, rows in tests)
    done = (len(CONDITIONS) - len(conditions)) * faces
    config = read_run_config(run)
    with progress_bar(
        f"corrupt {config.method} {config.seed}", len(CONDITIONS) * faces, done
    ) as advance:
        for condition in conditions:
            predict_to_file(
                predict,
                [(Corrupted(store, condition), rows) for store, rows in tests],
                _path(run, condition),
                image_size=image_size,
                on_batch=advance,
            )


def _measure(run: Path) -> pd.DataFrame:
    rows = []
    for condition in CONDITIONS:
        for measured in measure(_path(run, condition))["domains"].values():
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


def _path(run: Path, condition: Condition) -> Path:
    return run / FOLDER / f"{condition}.parquet"
