"""One function over many items, in other processes: `each`.

A process of its own does one item at a time, so that whoever dies or hangs is known, and costs that
item alone. Executors of the standard library give up all their work when one process dies and
cannot stop a task; joblib keeps both limits, on Ray too. Pebble's pool was tried: with a busy
parent it named the wrong item after a crash, or waited for ever.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Any, Generic, TypeVar

from ltw.errors import LTWError

T = TypeVar("T")
R = TypeVar("R")

_UP = "up"
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Failure:
    """An item without a result: its process died, or it took too long; ``reason`` says which."""

    reason: str


def each(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int | None = None,
    timeout: float | None = None,
) -> Iterator[tuple[int, R | Failure]]:
    """Apply ``work`` to every item in ``workers`` other processes (default: one a core).

    Yields ``(position, result)`` in the order of completion; ``position`` counts items from 0.
    Items are drawn as processes become free, so that no more than ``workers`` of them are in
    memory. An item whose process dies, or that takes more than ``timeout`` seconds (a process's
    start not counted), gives a `Failure`; its process is replaced. When the generator is closed,
    or an exception leaves it, all processes are stopped.

    ``work`` and the items must be picklable. Processes are spawned, as a fork would copy the
    locks of running threads: a script that calls this needs ``if __name__ == "__main__":``.

    Raises:
        Exception: whatever ``work`` raises, with the traceback of its process as a note.
        LTWError: processes die before they begin.
    """
    todo = enumerate(items)
    busy: list[_Process[T, R]] = []
    idle: list[_Process[T, R]] = []
    try:
        while True:
            for position, item in islice(todo, (workers or cores()) - len(busy)):
                worker = idle.pop() if idle else _Process(work)
                worker.give(position, item, timeout)
                busy.append(worker)
            if not busy:
                return
            for worker in _ready(busy):
                outcome = worker.outcome()
                if outcome is None:
                    continue  # it has started, and begins
                busy.remove(worker)
                if isinstance(outcome, Failure):
                    worker.kill()
                else:
                    idle.append(worker)
                yield worker.position, outcome[0] if isinstance(outcome, tuple) else outcome
    finally:
        for worker in busy:
            worker.kill()
        for worker in idle:
            worker.stop()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Process(Generic[T, R]):
    """A process that does one item at a time, and the pipe to it."""

    def __init__(self, work: Callable[[T], R]) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work))
        self._process.start()
        atexit.register(self._process.kill)  # before multiprocessing waits for it at exit
        theirs.close()  # its end closes with the process: that is how a death is seen
        self._up = False
        self.position = -1
        self.deadline = float("inf")

    def give(self, position: int, item: T, timeout: float | None) -> None:
        """Hand over an item; its time runs from now, or from when the process is up."""
        self.position = position
        self._timeout = float("inf") if timeout is None else timeout
        self.deadline = time.monotonic() + self._timeout if self._up else float("inf")
        with suppress(ConnectionError):  # it is dead, as `outcome` will find
            self._pipe.send(item)

    def outcome(self) -> tuple[R] | Failure | None:
        """Return the result in a tuple, or why there is none; None if only the process came up."""
        if not self._pipe.poll():
            return Failure(f"took longer than {self._timeout:g} s")
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            return self._death()
        if message == _UP:
            self._up = True
            self.deadline = time.monotonic() + self._timeout
            return None
        result, error = message
        if error is not None:
            raise error
        return (result,)

    def _death(self) -> Failure:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        if not self._up:
            raise LTWError(
                f"worker processes die before they begin ({how}): out of memory (use fewer "
                'workers), or called by a script without `if __name__ == "__main__":`'
            )
        return Failure(f"its worker process died ({how})")

    def stop(self) -> None:
        """End an idle process in good order."""
        self._pipe.close()
        self._process.join(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        atexit.unregister(self._process.kill)


def _ready(busy: Sequence[_Process[T, R]]) -> list[_Process[T, R]]:
    """Wait until processes have something to tell, or are late; return those."""
    left = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
    told = connection.wait([w._pipe for w in busy], None if left == float("inf") else left)
    now = time.monotonic()
    return [worker for worker in busy if worker._pipe in told or worker.deadline <= now]


def _serve(pipe: Any, work: Callable[[T], R]) -> None:
    """Do items until the pipe closes: the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, and it decides
    Thread(target=_die_with_parent, daemon=True).start()
    pipe.send(_UP)
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        message: tuple[R | None, Exception | None]
        try:
            message = work(item), None
        except Exception as error:
            error.add_note("".join(traceback.format_exception(error)))
            message = None, error
        pipe.send(message)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
