"""Face extraction: from videos to the store, as a parallel job that can be killed and resumed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from filelock import FileLock, Timeout

from ltw.data.clips import extract_clip, video_record
from ltw.data.precropped import copy_clip
from ltw.data.store import MAX_FRAMES, MAX_SIZE, Parameters
from ltw.data.store_writer import (
    Part,
    VideoRecord,
    attempted,
    begin,
    finalize,
    write_part,
)
from ltw.errors import DataError, when_stopped
from ltw.faces import CROP_SIZE, MARGIN
from ltw.files import sweep
from ltw.media.limits import LIMITS, Limits
from ltw.parallel import Failure, Shard, map_unordered
from ltw.progress import progress_bar
from ltw.types import Clip

TIMEOUT = 600.0
"""Seconds after which a video is given up: minutes more than the longest of the data sets takes."""


MAX_WORKERS = 4096
"""Processes at most: more than any cluster that is known to run this."""


@dataclass(frozen=True)
class ExtractionSummary:
    """What an extraction did with the clips it was given, or with its shard of them.

    ``done`` videos gave faces now, ``skipped`` had been finished by an earlier call; ``left`` of
    all clips were not tried yet, by this shard or another: 0 unless there are shards. ``failures``
    gives the reason for each video without a face in the store, those of earlier calls included;
    ``damaged`` what is amiss with videos that gave faces all the same. ``frames`` were decoded and
    ``faces`` added in ``seconds``.
    """

    done: int
    skipped: int
    left: int
    failures: dict[str, str]
    damaged: dict[str, str]
    frames: int
    faces: int
    seconds: float

    @property
    def faces_per_second(self) -> float:
        """Faces added a second, over the whole call."""
        return self.faces / self.seconds if self.seconds else 0.0


def extract(
    clips: Sequence[Clip],
    store: Path,
    *,
    frames: int = 10,
    margin: int | None = None,
    size: int = CROP_SIZE,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    engine: str = "local",
    shard: Shard | None = None,
    retry_failed: bool = False,
    limits: Limits = LIMITS,
) -> ExtractionSummary:
    """Put the faces of ``clips`` into the store at ``store``, made where it is missing.

    Of each video ``frames`` frames are taken, evenly spaced, and a crop of ``size`` pixels from
    each, ``margin`` of them margin (default: 16; clips that bring their faces cropped are taken as
    they came and have none). Videos the store has are skipped; so are those that failed before,
    unless their file has changed or ``retry_failed`` is set. ``workers`` processes of ``engine``
    share the work (`ltw.parallel.map_unordered`); the result depends on neither. A video that takes
    more than ``timeout`` seconds, whose process dies, or that is above a limit, has failed.

    With a ``shard`` only its clips are done and nothing is merged: any number of shards may write
    into one store at once, on machines that share it. A call without, while they run or later,
    does what is left and merges all.

    Raises:
        DataError: no clips, clips with and without cropped faces, two clips of one name, a clip the
            store has with another file, label or split, a margin for faces that are cropped
            already, parameters other than the store's, or the same extraction already running.
    """
    start = time.monotonic()
    parameters = Parameters(frames, _margin(clips, margin), size)
    _check(clips, parameters, workers, timeout)
    begin(store, parameters)
    mine = clips if shard is None else shard.of(sorted(clips, key=lambda clip: clip.video))
    with _alone(store, shard), when_stopped(partial(_stopped, store)):
        for folder in (store, store / "parts", store / "faces"):
            sweep(folder)
        before = attempted(store)
        pending = [clip for clip in mine if _is_pending(clip, before, parameters, retry_failed)]
        work = partial(_extract_one, store=store, parameters=parameters, limits=limits)
        how = {"workers": workers, "timeout": timeout, "engine": engine}
        now = _extract_all(work, pending, store, parameters, len(mine), **how)
        if shard is None:
            finalize(store)
        else:
            before = attempted(store)  # with what other shards did meanwhile
    return _summary(clips, mine, before, now, time.monotonic() - start)


@contextmanager
def _alone(store: Path, shard: Shard | None) -> Iterator[None]:
    """Keep out a second job that would do the same; shards do not wait for each other."""
    name = ".lock" if shard is None else f"parts/.lock-{shard.index}-of-{shard.count}"
    try:
        with FileLock(store / name, blocking=False):
            yield
    except Timeout:
        who = "extraction" if shard is None else f"extraction of shard {shard}"
        raise DataError(f"{store}: another {who} is writing to this store") from None


def _stopped(store: Path) -> str:
    waiting = sum(1 for _ in (store / "parts").glob("*.arrow"))
    return (
        f"{store}: stopped; what is finished is kept (videos that wait to be merged: {waiting}), "
        "and the same command goes on"
    )


def _margin(clips: Sequence[Clip], margin: int | None) -> int | None:
    """Return the margin of the crops: None for those that were cropped by somebody else."""
    if not any(clip.frames for clip in clips):
        return MARGIN if margin is None else margin
    videos = [clip.video for clip in clips if not clip.frames]
    if videos:
        raise DataError(
            f"videos ({len(videos)}) among clips whose faces came cropped, first {videos[0]}; "
            "their crops would not be alike: extract them by themselves, into another store"
        )
    if margin is not None:
        raise DataError(
            f"margin is {margin}, but these faces are cropped already, with a margin of their own; "
            "leave it out"
        )
    return None


def _check(
    clips: Sequence[Clip], parameters: Parameters, workers: int | None, timeout: float
) -> None:
    frames, margin, size = parameters.frames, parameters.margin, parameters.size
    if not clips:
        raise DataError("nothing to extract: no videos and no photographs were given")
    twice = [name for name, n in Counter(clip.video for clip in clips).items() if n > 1]
    if twice:
        paths = [str(clip.path) for clip in clips if clip.video == twice[0]]
        raise DataError(f"names given twice ({len(twice)}), first {twice[0]}: {', '.join(paths)}")
    if not 1 <= frames <= MAX_FRAMES:
        allowed = f"at least 1 and at most {MAX_FRAMES}"
        raise DataError(f"frames is {frames}; it must be {allowed}")
    if not 1 <= size <= MAX_SIZE:
        raise DataError(f"size is {size}; it must be at least 1 and at most {MAX_SIZE} pixels")
    if margin is not None and not 0 <= margin < size:
        raise DataError(f"margin is {margin}; it must be at least 0 and below the size, {size}")
    if workers is not None and not 1 <= workers <= MAX_WORKERS:
        allowed = f"at least 1 and at most {MAX_WORKERS}"
        raise DataError(f"workers is {workers}; it must be {allowed}")
    if timeout <= 0:
        raise DataError(f"timeout is {timeout:g} seconds; it must be more than 0")


def _is_pending(
    clip: Clip, before: Mapping[str, VideoRecord], parameters: Parameters, retry_failed: bool
) -> bool:
    known = before.get(clip.video)
    if known is None:
        return True
    now = video_record(clip, parameters, "")
    changed = [
        name for name in ("label", "split", "bytes") if getattr(known, name) != getattr(now, name)
    ]
    if known.status == "failed":
        return retry_failed or bool(changed)
    if changed and clip.path.exists():  # a file, or a folder of cropped frames
        was, new = ([getattr(record, name) for name in changed] for record in (known, now))
        raise DataError(
            f"{clip.video}: the store has this video from {known.path} with {changed} {was}, now "
            f"{clip.path} has {new}; extract into a new store or give the data set another name"
        )
    return False


def _extract_all(
    work: Callable[[Clip], VideoRecord],
    pending: Sequence[Clip],
    store: Path,
    parameters: Parameters,
    total: int,
    **how: Any,
) -> dict[str, VideoRecord]:
    """Write a part for every pending clip; return what became of each."""
    records = {}
    failed = 0
    with progress_bar("extracting faces", total, done=total - len(pending)) as advance:
        for position, record in map_unordered(work, pending, **how):
            if isinstance(record, Failure):
                record = video_record(pending[position], parameters, record.reason)
                write_part(store, Part(record))
            records[record.video] = record
            failed += record.status != "ok"
            advance(1, f"{failed} failed" if failed else "")
    return records


def _extract_one(clip: Clip, *, store: Path, parameters: Parameters, limits: Limits) -> VideoRecord:
    """Do one clip in a worker process."""
    cv2.setNumThreads(1)  # clips are done side by side: no second layer of threads
    part = (copy_clip if clip.frames else extract_clip)(clip, parameters, limits=limits)
    write_part(store, part)
    return part.video


def _summary(
    clips: Sequence[Clip],
    mine: Sequence[Clip],
    before: Mapping[str, VideoRecord],
    now: Mapping[str, VideoRecord],
    seconds: float,
) -> ExtractionSummary:
    known = {**before, **now}
    records = [known[clip.video] for clip in mine]
    good = [record for record in records if record.status == "ok"]
    fresh = [record for record in good if record.video in now]
    return ExtractionSummary(
        done=len(fresh),
        skipped=len(good) - len(fresh),
        left=sum(clip.video not in known for clip in clips),
        failures={r.video: r.reason for r in records if r.status != "ok"},
        damaged={r.video: r.reason for r in good if r.reason},
        frames=sum(record.frames_decoded for record in fresh),
        faces=sum(record.frames_with_face for record in fresh),
        seconds=seconds,
    )
