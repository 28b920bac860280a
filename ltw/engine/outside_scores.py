"""Scores from elsewhere: any detector's CSV file, measured as our own and compared pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ltw import metrics
from ltw.data.store import Store
from ltw.engine.evaluate import domain_faces
from ltw.errors import DataError
from ltw.metrics import Estimate, Sample, estimate
from ltw.types import ONE_LEVEL, REAL

NAMES = {"score": ("score", "p_fake"), "video": ("video", "path")}
"""What a column may be called: the first that is there is taken."""
OPTIONAL = ("dataset", "domain", "compression", "person", "donor_person", "frame", "split")
LABELS = {"0": 0, "1": 1, "real": 0, "fake": 1}
FORGED = "fake"
"""Domain of forgeries of which nobody says which they are."""
OF_STORE = ["dataset", "domain", "label", "compression", "split", "person", "donor_person"]

Differences = dict[str, dict[metrics.Level, dict[str, Estimate]]]
"""By domain and level, each metric's difference."""


def read_scores(path: Path, stores: Sequence[Path] = ()) -> pd.DataFrame:
    """Read a CSV file with a row a video, photograph or frame, as `ltw.engine.evaluate.measure` it.

    Columns: ``video`` or ``path``; ``score`` or ``p_fake``, in [0, 1], high for forged; ``label``
    (0, 1, real, fake); and, where known, `OPTIONAL`. With ``stores``, video names their videos (by
    name, or by the path they were extracted from), and all but score and frame is taken from there.

    Raises:
        DataError: the file cannot be read, a column is missing, a value is not what it should be
            (its line is named), or a video is in no store.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding_errors="replace")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # pandas's own are ValueErrors
        raise DataError(f"{path}: not a CSV file that can be read ({error})") from None
    if table.empty:
        raise DataError(f"{path}: holds no scores")
    columns = {str(name).strip().lower(): values.str.strip() for name, values in table.items()}
    found = pd.DataFrame({name: _column(columns, name, path) for name in NAMES})
    known = {name: columns[name] for name in OPTIONAL if name in columns}
    found = found.assign(**known, p_fake=_numbers(found["score"], path))
    if stores:
        return _of_store(found, stores, path)
    if "label" not in columns:
        raise DataError(
            f"{path}: no column label (0 or real, 1 or fake); it has {', '.join(columns)}. "
            "With --store the labels are taken from there"
        )
    labels = columns["label"].str.lower().map(LABELS)
    _refuse(labels.isna(), columns["label"], path, "label", "one of 0, 1, real, fake")
    found["label"] = labels.astype(int)
    given = found["domain"] if "domain" in found else pd.Series("", found.index)
    forged = given.where(~given.isin(["", REAL]), FORGED)
    found["domain"] = forged.where(found["label"] == 1, REAL)
    for name, default in (("dataset", path.stem), ("compression", ONE_LEVEL), ("split", "test")):
        values = found[name] if name in found else pd.Series("", found.index)
        found[name] = values.where(values != "", default)
    return found


def compare_scores(first: pd.DataFrame, second: pd.DataFrame) -> Differences:
    """Return the first detector's metrics minus the second's, on the same draws of the same videos.

    Args:
        first: as `read_scores` gives them.
        second: of the same videos, and as many frames of each.

    Raises:
        DataError: they are not of the same videos; as `ltw.engine.evaluate.measure`.
    """
    one, other = (domain_faces(_named_alike(scores))[0] for scores in (first, second))
    if one.keys() != other.keys():
        raise DataError(
            "the two files hold other forgeries: "
            f"{', '.join(sorted(one))} and {', '.join(sorted(other))}"
        )
    return {domain: _difference(domain, one[domain], other[domain]) for domain in one}


def _difference(
    domain: str, one: pd.DataFrame, other: pd.DataFrame
) -> dict[metrics.Level, dict[str, Estimate]]:
    counts = [faces.groupby("video")["label"].agg(["size", "first"]) for faces in (one, other)]
    if not counts[0].equals(counts[1]):
        apart = counts[0].index.symmetric_difference(counts[1].index)
        raise DataError(
            f"{domain}: the two files are not of the same videos and frames, or label them "
            f"otherwise ({len(apart)} videos are in one alone{': ' if len(apart) else ''}"
            f"{', '.join(apart[:3])}); a paired comparison needs the same"
        )
    videos = one.drop_duplicates("video")
    several = videos["label"].value_counts().min() >= 2
    draws = metrics.draw(videos) if several else None
    found: dict[metrics.Level, dict[str, Estimate]] = {}
    for level in metrics.LEVELS:
        samples = [_samples(metrics.Scores.of(faces, level), draws) for faces in (one, other)]
        found[level] = {
            name: estimate([samples[0][name].minus(samples[1][name])])
            for name in metrics.ALL_METRICS
        }
    return found


def _samples(scores: metrics.Scores, draws: metrics.Draws | None) -> dict[str, Sample]:
    drawn: dict[str, Any] = {} if draws is None else dict(scores.replicate(draws))
    units = None if draws is None else draws.fewest
    return {
        name: Sample((0,), np.array([value]), drawn[name][None] if drawn else None, units)
        for name, value in scores.evaluate().items()
    }


def _named_alike(scores: pd.DataFrame) -> pd.DataFrame:
    """Two files whose data set is not named are of one: their own names are not to differ."""
    return scores.assign(dataset="scores") if scores["dataset"].nunique() == 1 else scores


def _of_store(found: pd.DataFrame, stores: Sequence[Path], path: Path) -> pd.DataFrame:
    """Take what is known of each video from the stores."""
    opened = [Store(place) for place in stores]
    records = pd.concat([s.records.drop_duplicates("video") for s in opened]).set_index("video")
    places = pd.concat([s.videos for s in opened]).drop_duplicates("path", keep=False)
    names = dict(zip(places["path"], places["video"], strict=True))
    video = found["video"].map(lambda name: names.get(name, name))
    _refuse(~video.isin(records.index), found["video"], path, "video", "in a store of --store, by "
            "its name or the path it was extracted from")  # fmt: skip
    facts = records.loc[video, OF_STORE].set_index(found.index)
    kept = found.drop(columns=[name for name in OF_STORE if name in found])
    return kept.assign(video=video).join(facts)


def _column(columns: dict[str, pd.Series[str]], name: str, path: Path) -> pd.Series[str]:
    there = next((one for one in NAMES[name] if one in columns), None)
    if there is None:
        raise DataError(
            f"{path}: no column {' or '.join(NAMES[name])}; it has {', '.join(columns)}"
        )
    return columns[there]


def _numbers(scores: pd.Series[str], path: Path) -> pd.Series[float]:
    numbers = pd.to_numeric(scores, errors="coerce")
    wrong = ~((numbers >= 0) & (numbers <= 1))  # NaN too
    _refuse(wrong, scores, path, "score", "a number in [0, 1], high for forged (of a logit: its "
            "sigmoid; errors of the file are left out)")  # fmt: skip
    return numbers.astype(float)


def _refuse(
    wrong: pd.Series[bool], values: pd.Series[str], path: Path, what: str, must: str
) -> None:
    """Raise where something is wrong, naming the first line."""
    if wrong.any():
        place = int(np.argmax(wrong.to_numpy()))
        raise DataError(
            f"{path}, line {place + 2}: {what} is {values.iloc[place]!r}; it must be {must} "
            f"({int(wrong.sum())} of {len(wrong)} rows are not)"
        )
