"""Worker: a process with the model loaded, replaced when it dies, hangs or is cancelled."""

from __future__ import annotations

import logging
import time
from collections.abc import MutableSequence
from multiprocessing import get_context
from threading import Event

from ltw.errors import LTWError
from ltw.infer import Settings
from ltw.parallel import Failure
from ltw.parallel.processes import Processes
from ltw.parallel.worker import Outcome, Worker
from ltw.serve.limits import Limits, Refusal
from ltw.serve.scoring import Answer, Scored, Scorer, Task

log = logging.getLogger(__name__)

LOADING_SECONDS = 300.0
POLL_SECONDS = 0.1


class ScoringWorker:
    """Worker process that scores one file after another; used by one thread.

    Attributes:
        progress: of the file being scored: frames searched, and of how many.
        loaded: whether a process is up and has the model.
    """

    def __init__(self, model: str, limits: Limits, threads: int) -> None:
        self.progress: MutableSequence[int] = get_context("spawn").RawArray("i", 2)
        self.loaded = False
        self._limits = limits
        self._engine = Processes(1)
        self._scorer = Scorer(model, limits, threads, self.progress)
        self._process: Worker[Task | None, Answer] | None = None

    def load(self) -> Settings | None:
        """Start a process where there is none alive; return what the model says of itself.

        Raises:
            LTWError: the model cannot be loaded, or processes die.
        """
        if self._process is not None:
            if self._process.receive() is None:
                return None
            self.stop()
        self._process = self._engine.start(self._scorer)
        try:
            outcome = self._ask(self._process, None, LOADING_SECONDS, Event())
        except LTWError:
            self.stop()
            raise
        if isinstance(outcome, Outcome) and isinstance(outcome.result, Settings):
            self.loaded = True
            return outcome.result
        self.stop()
        if isinstance(outcome, Outcome) and isinstance(outcome.error, LTWError):
            raise outcome.error
        raise LTWError(f"the model cannot be loaded: {outcome}")

    def score(self, task: Task, cancelled: Event) -> Scored | Refusal | None:
        """Score a file; None if ``cancelled`` is set meanwhile."""
        try:
            self.load()
        except LTWError as error:
            log.error(f"worker: {error}")
        if self._process is None:
            return Refusal(503, "The service cannot load its model just now.", retry_after=30)
        self.progress[:] = [0, 0]
        outcome = self._ask(self._process, task, self._limits.seconds, cancelled)
        if isinstance(outcome, Outcome):
            return _read(outcome)
        late = self._process.deadline <= time.monotonic()
        self.stop()
        if outcome is None:
            return None
        if late:
            return Refusal(422, f"Scoring took longer than {self._limits.seconds:g} s, the limit.")
        return Refusal(422, f"The decoder broke down on this file ({outcome.reason}).")

    def stop(self) -> None:
        """End the process, at once."""
        self.loaded = False
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _ask(
        self,
        process: Worker[Task | None, Answer],
        task: Task | None,
        seconds: float,
        cancelled: Event,
    ) -> Outcome[Answer] | Failure | None:
        process.give(0, task, seconds)
        while (outcome := process.take()) is None and not cancelled.is_set():
            self._engine.wait([process], POLL_SECONDS)
        return outcome


def _read(outcome: Outcome[Answer]) -> Scored | Refusal:
    if isinstance(outcome.result, Scored | Refusal):
        return outcome.result
    error = outcome.error or TypeError(f"{outcome.result!r}")
    log.error("".join(getattr(error, "__notes__", [repr(error)])))
    return Refusal(500, "The service failed on this file; its log says why.")
