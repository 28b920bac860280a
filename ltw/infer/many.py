"""Parallel face detection in many files: decoding and detection are the cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ltw.infer.find import FRAMES, USUAL_CUT, Cut, Found, not_found, try_to_find
from ltw.media.limits import LIMITS, Limits
from ltw.parallel import Failure, cores, map_unordered

T = TypeVar("T")


def find_in(
    paths: Sequence[str | Path],
    *,
    frames: int = FRAMES,
    cut: Cut = USUAL_CUT,
    pictures: bool = False,
    limits: Limits = LIMITS,
    workers: int | None = None,
) -> Iterator[tuple[int, Found]]:
    """Find the faces of many files; yields (place in ``paths``, faces) in the order of completion.

    ``workers`` processes share the work (default: one a core); a single file is done in this one.
    What cannot be read, or kills its process, is told by ``error``.
    """
    work = partial(try_to_find, frames=frames, cut=cut, pictures=pictures, limits=limits)
    workers = min(workers or cores(), len(paths))
    if workers <= 1:
        yield from enumerate(map(work, paths))
        return
    for position, found in map_unordered(work, paths, workers=workers):
        if isinstance(found, Failure):
            found = not_found(paths[position], found.reason)
        yield position, found


def in_order(results: Iterable[tuple[int, T]]) -> Iterator[T]:
    """Yield what comes as (position, result) by position, each as soon as all before it are out."""
    early: dict[int, T] = {}
    due = 0
    for position, result in results:
        early[position] = result
        while due in early:
            yield early.pop(due)
            due += 1
