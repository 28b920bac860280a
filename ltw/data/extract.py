"""From videos to the store: a parallel job that can be cut off and continued."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import cv2
from filelock import FileLock, Timeout
from joblib import Parallel, delayed

from ltw.data.clips import extract_clip, video_record
from ltw.data.precropped import copy_clip
from ltw.data.store import Parameters
from ltw.data.store_writer import (
    Part,
    VideoRecord,
    attempted,
    begin,
    finalize,
    part_path,
    write_part,
)
from ltw.errors import DataError
from ltw.faces import CROP_SIZE, MARGIN
from ltw.progress import progress_bar
from ltw.types import Clip


@dataclass(frozen=True)
class ExtractionSummary:
    """What an extraction did with the clips it was given.

    ``done`` videos gave faces now, ``skipped`` had been finished by an earlier call. ``failures``
    gives the reason for each video without a face in the store, those of earlier calls included;
    ``damaged`` what is amiss with videos that gave faces all the same. ``faces`` were added in
    ``seconds``.
    """

    done: int
    skipped: int
    failures: dict[str, str]
    damaged: dict[str, str]
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
    retry_failed: bool = False,
) -> ExtractionSummary:
    """Put the faces of ``clips`` into the store at ``store``, made where it is missing.

    Of each video ``frames`` frames are taken, evenly spaced, and a crop of ``size`` pixels from
    each, ``margin`` of them margin (default: 16; clips that bring their faces cropped are taken as
    they came and have none). Videos the store has are skipped; so are those that failed
    before, unless their file has changed or ``retry_failed`` is set. ``workers`` processes
    (default: one a core) share the work; the result does not depend on their number.

    Raises:
        DataError: no clips, clips with and without cropped faces, two clips of one name, a clip the
            store has with another file, label or split, a margin for faces that are cropped
            already, parameters other than the store's, or another extraction running.
    """
    start = time.monotonic()
    parameters = Parameters(frames, _margin(clips, margin), size)
    _check(clips, parameters, workers)
    begin(store, parameters)
    try:
        with FileLock(store / ".lock", blocking=False):
            before = attempted(store)
            pending = [
                clip for clip in clips if _is_pending(clip, before, parameters, retry_failed)
            ]
            _extract_all(pending, store, parameters, workers or os.cpu_count() or 1, len(clips))
            after = attempted(store)
            finalize(store)
    except Timeout:
        raise DataError(f"{store}: another extraction is writing to this store") from None
    return _summary(clips, pending, after, time.monotonic() - start)


def _margin(clips: Sequence[Clip], margin: int | None) -> int | None:
    """Return the margin of the crops: None for those that were cropped by somebody else."""
    if not any(clip.frames for clip in clips):
        return MARGIN if margin is None else margin
    videos = [clip.video for clip in clips if not clip.frames]
    if videos:
        raise DataError(
            f"{len(videos)} videos among clips whose faces are cropped already, first {videos[0]}; "
            "their crops would not be alike: extract them by themselves, into another store"
        )
    if margin is not None:
        raise DataError(
            f"margin is {margin}, but these faces are cropped already, with a margin of their own; "
            "leave it out"
        )
    return None


def _check(clips: Sequence[Clip], parameters: Parameters, workers: int | None) -> None:
    frames, margin, size = parameters.frames, parameters.margin, parameters.size
    if not clips:
        raise DataError("nothing to extract: no videos and no photographs were given")
    twice = [name for name, n in Counter(clip.video for clip in clips).items() if n > 1]
    if twice:
        paths = [str(clip.path) for clip in clips if clip.video == twice[0]]
        raise DataError(f"{len(twice)} names are given twice, first {twice[0]}: {', '.join(paths)}")
    if frames < 1:
        raise DataError(f"frames is {frames}; it must be at least 1")
    if margin is not None and not 0 <= margin < size:
        raise DataError(f"margin is {margin}; it must be at least 0 and below the size, {size}")
    if workers is not None and workers < 1:
        raise DataError(f"workers is {workers}; it must be at least 1")


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
    pending: Sequence[Clip], store: Path, parameters: Parameters, workers: int, total: int
) -> None:
    """Write a part for every pending clip, in as many rounds as dying workers make necessary."""
    for clip in pending:
        part_path(store, clip.video).unlink(missing_ok=True)  # of a failure that is tried again
        _running(store, clip).unlink(missing_ok=True)
    with progress_bar("extracting faces", total, done=total - len(pending)) as advance:
        while pending:
            try:
                _run(pending, store, parameters, workers, advance)
            except BrokenProcessPool:
                _settle(pending, store, parameters, workers, advance)
            pending = [clip for clip in pending if not part_path(store, clip.video).exists()]


def _run(
    clips: Sequence[Clip],
    store: Path,
    parameters: Parameters,
    workers: int,
    advance: Callable[..., None],
) -> None:
    """Do the clips in ``workers`` processes; with one worker in this process."""
    pool = Parallel(
        n_jobs=workers if workers == 1 else max(2, min(workers, len(clips))),
        prefer="processes",
        return_as="generator_unordered",
        batch_size=1,
        max_nbytes=None,
    )
    failed = 0
    for ok in pool(delayed(_work)(clip, store, parameters) for clip in clips):
        failed += not ok
        advance(1, f"{failed} failed" if failed else "")


def _settle(
    pending: Sequence[Clip],
    store: Path,
    parameters: Parameters,
    workers: int,
    advance: Callable[..., None],
) -> None:
    """After a worker's death, do the clips that were in work one by one: who kills again fails."""
    suspects = [clip for clip in pending if _running(store, clip).exists()]
    if not suspects:
        raise DataError(
            "worker processes die before they begin (out of memory?); use fewer --workers"
        )
    for clip in suspects:
        _running(store, clip).unlink(missing_ok=True)
        try:
            _run([clip], store, parameters, workers, advance)
        except BrokenProcessPool:
            _running(store, clip).unlink(missing_ok=True)
            reason = "its worker process died (out of memory, or a crash in a decoder)"
            write_part(store, Part(video_record(clip, parameters, reason)))
            advance(1)


def _work(clip: Clip, store: Path, parameters: Parameters) -> bool:
    """Do one clip in a worker process; the marker tells whom to suspect should the process die."""
    cv2.setNumThreads(1)
    marker = _running(store, clip)
    marker.touch()
    part = (copy_clip if clip.frames else extract_clip)(clip, parameters)
    write_part(store, part)
    marker.unlink(missing_ok=True)
    return part.video.status == "ok"


def _running(store: Path, clip: Clip) -> Path:
    return part_path(store, clip.video).with_suffix(".running")


def _summary(
    clips: Sequence[Clip],
    pending: Sequence[Clip],
    after: Mapping[str, VideoRecord],
    seconds: float,
) -> ExtractionSummary:
    tried = {clip.video for clip in pending}
    records = [after[clip.video] for clip in clips]
    good = [record for record in records if record.status == "ok"]
    fresh = [record for record in good if record.video in tried]
    return ExtractionSummary(
        done=len(fresh),
        skipped=len(good) - len(fresh),
        failures={r.video: r.reason for r in records if r.status != "ok"},
        damaged={r.video: r.reason for r in good if r.reason},
        faces=sum(record.frames_with_face for record in fresh),
        seconds=seconds,
    )
