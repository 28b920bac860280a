"""Parallel map: keep workers busy, yield results as they come, notice the dead and the late."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar, cast

from ltw.errors import ConfigError, did_you_mean
from ltw.parallel.processes import Processes
from ltw.parallel.ray_cluster import RayCluster
from ltw.parallel.worker import NEVER, Engine, Failure, Worker

T = TypeVar("T")
R = TypeVar("R")

ENGINES: dict[str, Callable[[int | None], Engine]] = {"local": Processes, "ray": RayCluster}


def map_unordered(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int | None = None,
    timeout: float | None = None,
    engine: str = "local",
) -> Iterator[tuple[int, R | Failure]]:
    """Apply ``work`` to every item in ``workers`` other processes (default: one a core).

    Yields ``(position, result)`` in the order of completion; ``position`` counts items from 0.
    Items are drawn as processes become free, so that no more than ``workers`` of them are in
    memory. An item whose process dies, or that takes more than ``timeout`` seconds (a process's
    start not counted), gives a `Failure`; its process is replaced. When the generator is closed,
    or an exception leaves it, all processes are stopped.

    ``engine`` is ``"local"``, or ``"ray"``: the cluster that the environment variable RAY_ADDRESS
    names, else one made for this call on this machine. ``work`` and the items must be picklable.
    Local processes are spawned, as a fork would copy the locks of running threads: a script whose
    own function is the ``work`` needs ``if __name__ == "__main__":``.

    Raises:
        Exception: whatever ``work`` raises, with the traceback of its process as a note.
        LTWError: processes die before they begin; Ray is not installed, or no cluster answers.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine: {engine!r} is unknown{did_you_mean(engine, ENGINES)}")
    place = ENGINES[engine](workers)
    try:
        yield from _map(work, items, place, timeout)
    finally:
        place.close()


def _map(
    work: Callable[[T], R], items: Iterable[T], engine: Engine, timeout: float | None
) -> Iterator[tuple[int, R | Failure]]:
    todo = enumerate(items)
    busy: list[Worker[T, R]] = []
    idle: list[Worker[T, R]] = []
    try:
        while True:
            for position, item in islice(todo, engine.workers - len(busy)):
                worker = idle.pop() if idle else engine.start(work)
                busy.append(worker)
                worker.give(position, item, timeout)
            if not busy:
                return
            left = min(worker.deadline for worker in busy) - time.monotonic()
            engine.wait(busy, None if left == NEVER else max(0.0, left))
            for worker in list(busy):
                outcome = worker.take()
                if outcome is None:
                    continue
                if isinstance(outcome, Failure):
                    busy.remove(worker)
                    worker.stop()
                    yield worker.position, outcome
                elif outcome.error is not None:
                    raise outcome.error
                else:
                    busy.remove(worker)
                    idle.append(worker)
                    yield worker.position, cast("R", outcome.result)
    finally:
        for worker in busy + idle:
            worker.stop()
