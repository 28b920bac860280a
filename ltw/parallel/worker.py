"""Worker and engine interfaces: a worker does one item at a time and says how it went."""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

NEVER = float("inf")


@dataclass(frozen=True)
class Failure:
    """Failure of an item: its process died, or it took too long; ``reason`` says which."""

    reason: str


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """Outcome of an item: what ``work`` returned, or the exception that it raised."""

    result: R | None = None
    error: Exception | None = None


def attempt(work: Callable[[T], R], item: T) -> Outcome[R]:
    """Run ``work`` in a worker; an exception takes its traceback along as a note."""
    try:
        return Outcome(work(item))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        return Outcome(error=error)


Message = Literal["up"] | Outcome[R] | Failure


class Worker(ABC, Generic[T, R]):
    """Worker process, one item at a time; ``position`` is its item's, ``deadline`` its end."""

    up = False
    position = -1
    deadline = NEVER

    def give(self, position: int, item: T, timeout: float | None) -> None:
        """Hand over an item, which begins, as its time does, when the process is up."""
        self.position, self._item = position, item
        self._timeout = NEVER if timeout is None else timeout
        self.deadline = NEVER
        if self.up:
            self._begin()

    def take(self) -> Outcome[R] | Failure | None:
        """Return how the item went; None if it goes on."""
        message = self.receive()
        if message == "up":
            self.up = True
            self._begin()
            return None
        if message is None and self.deadline <= time.monotonic():
            return Failure(f"took longer than {self._timeout:g} s")
        return message

    def _begin(self) -> None:
        self.deadline = time.monotonic() + self._timeout
        self.send(self._item)

    @abstractmethod
    def send(self, item: T) -> None:
        """Send an item to the process."""

    @abstractmethod
    def receive(self) -> Message[R] | None:
        """Return the process's next message, `Failure` if it died, None if there is none.

        Raises:
            LTWError: it died before it was up.
        """

    @abstractmethod
    def stop(self) -> None:
        """End the process; at once where it is busy."""


class Engine(Protocol):
    """Engine: where workers run."""

    workers: int

    def start(self, work: Callable[[T], R]) -> Worker[T, R]:
        """Start one worker, without waiting for it."""

    def wait(self, workers: Sequence[Worker[T, R]], seconds: float | None) -> None:
        """Return as soon as one of the workers has a message, or after ``seconds``."""

    def close(self) -> None:
        """Give back what the engine holds besides its workers."""
