"""Evaluation in two steps: scores go to a predictions file, and metrics are read from that file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from torch import Tensor

from ltw import metrics
from ltw.engine.scoring import score_batches
from ltw.errors import DataError
from ltw.files import atomic, write_text

SCHEMA = pa.schema(
    [
        ("store", pa.string()),
        ("index", pa.int64()),
        ("dataset", pa.string()),
        ("domain", pa.string()),
        ("label", pa.int8()),
        ("compression", pa.string()),
        ("video", pa.string()),
        ("frame", pa.int64()),
        ("split", pa.string()),
        ("person", pa.string()),
        ("donor_person", pa.string()),
        ("p_fake", pa.float64()),
    ]
)
"""A predictions file: one row a face; ``index`` is the face's row in ``store``, a folder.

``person`` and ``donor_person`` are "" where nobody knows. ``p_fake`` is a float64 sigmoid: float32
ones are equal from a logit of 16.6 on, float64 ones from about 36.
"""

NEEDED = ("dataset", "domain", "label", "compression", "video", "split", "p_fake")
"""The columns that are measured by; the others say where a face is."""
PEOPLE = ("person", "donor_person")

GROUP = ["dataset", "domain", "compression"]

ROW_GROUP_BATCHES = 128  # a row group of its own for every batch would be mostly headers


class FaceSource(Protocol):
    """What is asked of a store: row i of its records is face i; images are uint8 (K, S, S, 3)."""

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def records(self) -> pd.DataFrame: ...  # noqa: D102

    def images(self, indices: Sequence[int]) -> NDArray[np.uint8]: ...  # noqa: D102


Tests = Sequence[tuple[FaceSource, Sequence[int]]]
"""Faces to score: rows of stores."""

Predictor = Callable[[Tensor], Tensor]
"""Images float32 (K, 3, H, W) in [0, 1] -> P(fake) float64 (K,), rounded from no float32."""


def predict_to_file(
    predict: Predictor,
    tests: Tests,
    out: Path,
    *,
    image_size: int,
    batch_size: int = 64,
    kept: pd.DataFrame | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> None:
    """Score the faces (store, rows) of ``tests`` and write them to ``out`` as parquet (`SCHEMA`).

    Scores stream to disk, so memory holds a batch of images and one row group of scores whatever
    the number of faces. ``out`` appears when it is complete and never half-written. ``kept`` are
    rows of an earlier file to write as well. ``on_batch(n)`` is called after every n faces.

    Raises:
        DataError: there is nothing to score, or a probability is not finite (the face is named).
    """
    if not any(len(indices) for _, indices in tests):
        raise DataError("no faces to score: the selection from the store is empty")
    group = batch_size * ROW_GROUP_BATCHES
    with atomic(out) as part, pq.ParquetWriter(part, SCHEMA) as writer:
        if kept is not None:
            writer.write_table(_table(kept))
        for store, indices in tests:
            for start in range(0, len(indices), group):
                rows = list(indices[start : start + group])
                scores = _scores(predict, store, rows, image_size, batch_size, on_batch)
                faces = store.records.iloc[rows]
                faces = faces.assign(store=str(store.path), index=rows, p_fake=scores)
                writer.write_table(_table(faces))


def other_predictions(path: Path, tests: Tests) -> pd.DataFrame:
    """Return the rows of a predictions file that ``tests`` does not score anew.

    Rows of a data set's domain at a compression go together: they are all replaced or all kept.

    Raises:
        DataError: the file is damaged.
    """
    earlier = _read(path).reindex(columns=SCHEMA.names, fill_value="")
    scored = pd.concat([store.records.iloc[list(rows)][GROUP] for store, rows in tests])
    again = pd.MultiIndex.from_frame(earlier[GROUP]).isin(pd.MultiIndex.from_frame(scored))
    return earlier[~again]


def _table(rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def _scores(
    predict: Predictor,
    store: FaceSource,
    rows: Sequence[int],
    image_size: int,
    batch_size: int,
    on_batch: Callable[[int], None] | None,
) -> NDArray[np.float64]:
    scores = []
    batches = score_batches(predict, store, rows, image_size=image_size, batch_size=batch_size)
    for batch, p_fake in batches:
        scores.append(p_fake)
        bad = ~np.isfinite(p_fake)
        if bad.any():
            index = batch[int(np.argmax(bad))]
            face = store.records.iloc[index]
            raise DataError(
                f"the model gave no finite probability for face {index} "
                f"(video {face['video']}, frame {face['frame']})"
            )
        if on_batch is not None:
            on_batch(len(batch))
    return np.concatenate(scores)


def measure(
    predictions: Path | pd.DataFrame, *, replicates: int = metrics.REPLICATES, seed: int = 0
) -> dict[str, Any]:
    """Measure every forgery in a predictions file against the reals of its dataset and compression.

    Returns ``{"domains": {key: {"dataset", "domain", "compression", "frames", "videos", "frame":
    {metric: {"value", "low", "high"}}, "video": {...}, "resampled": {"unit", "units"}}}, "notes":
    [str], "replicates", "seed", "level"}`` with `ltw.metrics.ALL_METRICS` and their 95% intervals
    (``None``, as ``"resampled"``, where a class has fewer than two videos). A domain that cannot be
    measured is skipped with a note. Keys are domains; of one that occurs in several datasets or
    compressions, ``dataset/domain/compression``.

    Raises:
        DataError: no file, columns missing, splits mixed, damaged values, or nothing to measure.
    """
    selected, notes = domain_faces(predictions)
    domains = {}
    for name, faces in selected.items():
        domains[name] = _measure_domain(faces, replicates, seed)
        resampled = domains[name]["resampled"]
        if resampled is None:
            notes.append(f"{name}: no intervals, fewer than two videos of a class")
        elif few := resampled.get("few_people"):
            notes.append(f"{name}: intervals are too narrow, {few} people are in many videos")
    return {
        "domains": domains,
        "notes": notes,
        "replicates": replicates,
        "seed": seed,
        "level": metrics.CONFIDENCE,
    }


def domain_faces(predictions: Path | pd.DataFrame) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return each forgery's own test: its fakes and the reals of their dataset and compression.

    The second value says which forgeries have no such reals. Keys and errors are `measure`'s.
    """
    faces = _read(predictions)
    fakes, reals = faces[faces["label"] == 1], faces[faces["label"] != 1]
    keys = fakes[["dataset", "domain", "compression"]].drop_duplicates().sort_values("domain")
    names = keys["domain"].tolist()
    selected: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for dataset, domain, compression in keys.itertuples(index=False):
        name = domain if names.count(domain) == 1 else f"{dataset}/{domain}/{compression}"
        same = _where(reals, dataset=dataset, compression=compression)
        if same.empty:
            notes.append(f"{name}: not measured, no real faces of {dataset} at {compression}")
            continue
        own = _where(fakes, dataset=dataset, compression=compression, domain=domain)
        selected[name] = pd.concat([own, same])
    if not selected:
        raise DataError("; ".join(notes) or "nothing to measure: every face is real, add fakes")
    return selected, notes


def write_metrics(predictions: Path, out: Path) -> None:
    """Write `measure` of a predictions file to ``out`` as JSON, atomically; raises as it does."""
    write_text(out, json.dumps(measure(predictions), indent=2, allow_nan=False) + "\n")


def _where(faces: pd.DataFrame, **values: str) -> pd.DataFrame:
    return faces[np.logical_and.reduce([faces[name] == value for name, value in values.items()])]


def _measure_domain(faces: pd.DataFrame, replicates: int, seed: int) -> dict[str, Any]:
    videos = faces.drop_duplicates("video")
    draws = None
    bounds: dict[metrics.Level, dict[str, Any]] = {
        level: dict.fromkeys(metrics.ALL_METRICS, (None, None)) for level in metrics.LEVELS
    }
    if videos["label"].value_counts().min() >= 2:
        draws = metrics.draw(videos, replicates, seed)
        bounds |= metrics.intervals(faces, draws)
    found: dict[str, Any] = {
        level: {
            name: dict(zip(("value", "low", "high"), (value, *bounds[level][name]), strict=True))
            for name, value in metrics.Scores.of(faces, level).evaluate().items()
        }
        for level in metrics.LEVELS
    }
    return {
        "dataset": faces["dataset"].iloc[0],
        "domain": faces.loc[faces["label"] == 1, "domain"].iloc[0],
        "compression": faces["compression"].iloc[0],
        "frames": len(faces),
        "videos": len(videos),
        "resampled": None if draws is None else draws.described,
        **found,
    }


def _read(predictions: Path | pd.DataFrame) -> pd.DataFrame:
    if isinstance(predictions, Path):
        try:
            predictions = pd.read_parquet(predictions)
        except FileNotFoundError:
            raise DataError(f"{predictions}: no such predictions file") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{predictions}: not a readable parquet file ({error})") from None
    missing = [name for name in NEEDED if name not in predictions.columns]
    if missing:
        raise DataError(f"predictions lack the columns {', '.join(missing)}")
    for name in NEEDED:
        kind = "number" if name in ("label", "p_fake") else "text"
        column = predictions[name]
        numbers = pd.api.types.is_numeric_dtype(column)
        if numbers != (kind == "number") or (kind == "text" and column.isna().any()):
            raise DataError(f"predictions: the column {name} must be {kind} in every row")
    splits = sorted(predictions["split"].unique())
    if len(splits) > 1:
        raise DataError(
            f"predictions mix the splits {', '.join(splits)}: score one split a file, "
            "or faces the model was trained on count as test faces"
        )
    # older files, and scores from elsewhere, do not say who is shown
    unknown = {name: "" for name in PEOPLE if name not in predictions.columns}
    return predictions.assign(**unknown)
