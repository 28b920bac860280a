"""Workers on this machine: spawned processes, each at the end of a pipe of its own."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import connection, get_context, parent_process
from threading import Lock, Thread
from types import ModuleType
from typing import Any, TypeVar

from ltw.errors import LTWError
from ltw.parallel.worker import Engine, Failure, Message, Worker, attempt

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Processes(Engine):
    """Engine of this machine's processes."""

    def __init__(self, workers: int | None) -> None:
        self.workers = workers or cores()

    def start(self, work: Callable[[T], R]) -> Worker[T, R]:
        """Start one worker, without waiting for it."""
        return _Process(work)

    def wait(self, workers: Sequence[Worker[T, R]], seconds: float | None) -> None:
        """Return as soon as one of the workers has a message, or after ``seconds``."""
        connection.wait([w.pipe for w in workers if isinstance(w, _Process)], seconds)

    def close(self) -> None:
        """Nothing is held besides the workers."""


class _Process(Worker[T, R]):
    def __init__(self, work: Callable[[T], R]) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work))
        with _main_left_alone(work):
            self._process.start()
        theirs.close()  # its end closes with the process: that is how a death is seen
        atexit.register(self._process.kill)  # comes before multiprocessing waits for its processes

    def send(self, item: T) -> None:
        with suppress(ConnectionError):  # it is dead, as `receive` will find
            self.pipe.send(item)

    def receive(self) -> Message[R] | None:
        if not self.pipe.poll():
            return None
        try:
            message: Message[R] = self.pipe.recv()
        except (EOFError, OSError):
            return self._death()
        return message

    def _death(self) -> Failure:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        if not self.up:
            raise LTWError(
                f"worker processes die before they begin ({how}): out of memory (use fewer "
                "workers), or called with a function of a script that has no "
                '`if __name__ == "__main__":`'
            )
        return Failure(f"its worker process died ({how})")

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()
        atexit.unregister(self._process.kill)


_hiding = Lock()


@contextmanager
def _main_left_alone(work: Callable[[T], R]) -> Iterator[None]:
    """Let a process start without running the user's script again, which spawning does.

    A script without `if __name__ == "__main__":` would begin anew in it, and standard input cannot
    be read twice. Where ``work`` is of the script itself, nothing else will do.
    """
    inner: Any = work
    while isinstance(inner, partial):
        inner = inner.func
    if "__main__" in (getattr(inner, "__module__", None), type(inner).__module__):
        yield
        return
    with _hiding:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def _serve(pipe: Any, work: Callable[[T], R]) -> None:
    """Do items until the pipe closes: the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, and it decides
    Thread(target=_die_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):  # the parent has closed its end, or is dead
        pipe.send("up")
        while True:
            pipe.send(attempt(work, pipe.recv()))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
