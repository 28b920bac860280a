"""Workers on a Ray cluster: actors of one CPU each, killed and replaced as local processes are.

Actors, and not tasks: a task may wait long for a CPU, and Ray does not say when it begins, which a
timeout must know. joblib's Ray backend streams no results, and one timeout or death ends all work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from ltw.errors import LTWError
from ltw.parallel.processes import cores
from ltw.parallel.worker import Engine, Failure, Message, Outcome, Worker, attempt

T = TypeVar("T")
R = TypeVar("R")


class RayCluster(Engine):
    """Engine of the Ray cluster at RAY_ADDRESS, by default all of it; else of one made here."""

    def __init__(self, workers: int | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anyone
        try:
            import ray
        except ImportError:
            raise LTWError("the ray engine needs Ray: pip install 'ltw[ray]'") from None
        self._ray: Any = ray
        self._mine = not ray.is_initialized()
        if self._mine:
            _connect(ray, workers or cores())
        self.workers = workers or int(self._ray.cluster_resources().get("CPU", 1))

    def start(self, work: Callable[[T], R]) -> Worker[T, R]:
        """Start one worker, without waiting for it."""
        return _Actor(self._ray, work)

    def wait(self, workers: Sequence[Worker[T, R]], seconds: float | None) -> None:
        """Return as soon as one of the workers has a message, or after ``seconds``."""
        self._ray.wait([w.messages[0] for w in workers if isinstance(w, _Actor)], timeout=seconds)

    def close(self) -> None:
        """Leave the cluster, or end the one made here."""
        if self._mine:
            self._ray.shutdown()


def _connect(ray: Any, cpus: int) -> None:
    address = os.environ.get("RAY_ADDRESS", "local")
    local = {"num_cpus": cpus, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, logging_level="error", log_to_driver=False, **local)
    except ConnectionError as error:
        raise LTWError(f"RAY_ADDRESS is {address!r}, and no cluster answers: {error}") from None


class _Server(Generic[T, R]):
    """What lives in the actor's process, in the caller's folder: relative paths mean the same."""

    def __init__(self, work: Callable[[T], R], folder: str) -> None:
        os.chdir(folder)
        self._work = work

    def up(self) -> str:
        return "up"

    def do(self, item: T) -> Outcome[R]:
        return attempt(self._work, item)


class _Actor(Worker[T, R]):
    def __init__(self, ray: Any, work: Callable[[T], R]) -> None:
        self._ray = ray
        self._actor = ray.remote(num_cpus=1)(_Server).remote(work, str(Path.cwd()))
        self.messages = [self._actor.up.remote()]

    def send(self, item: T) -> None:
        self.messages.append(self._actor.do.remote(item))

    def receive(self) -> Message[R] | None:
        ready, _ = self._ray.wait(self.messages[:1], timeout=0)
        if not ready:
            return None
        try:
            message: Message[R] = self._ray.get(self.messages.pop(0))
        except self._ray.exceptions.RayActorError as error:
            if not self.up:
                raise LTWError(f"Ray workers die before they begin: {error}") from None
            return Failure("its worker process died")
        return message

    def stop(self) -> None:
        self._ray.kill(self._actor)
