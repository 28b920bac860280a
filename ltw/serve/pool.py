"""Worker pool with a bounded queue, which no file can hold up."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from concurrent.futures import Future
from threading import Condition, Thread

from ltw.errors import LTWError
from ltw.infer import Settings
from ltw.parallel import cores
from ltw.serve.jobs import Job
from ltw.serve.limits import Limits, Refusal
from ltw.serve.prometheus import ServiceMetrics
from ltw.serve.scoring import Scored
from ltw.serve.worker import ScoringWorker

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often idle processes are looked after."""
RETRY_SECONDS = 10.0
"""When a model that could not be loaded again is tried once more."""


class Pool:
    """Worker pool: ``workers`` processes, each with the model loaded, and files waiting for them.

    A process that dies, or takes longer than `Limits.seconds` over a file, costs that file alone.
    """

    def __init__(self, model: str, limits: Limits, workers: int) -> None:
        self.limits = limits
        self.closing = False
        threads = max(1, cores() // workers)
        self._workers = [ScoringWorker(model, limits, threads) for _ in range(workers)]
        self._threads = [Thread(target=self._run, args=[x], daemon=True) for x in self._workers]
        self._closed = False
        self._waiting: deque[Job] = deque()
        self._working: set[Job] = set()
        self._taken = 0  # places: files being received, waiting or worked on
        self._typical = 2.0  # seconds a file takes
        self._changed = Condition()
        self._settings: Future[Settings] = Future()
        self.metrics = ServiceMetrics(
            waiting=lambda: len(self._waiting),
            working=lambda: len(self._working),
            up=lambda: self.up,
        )

    def start(self) -> Settings:
        """Start the processes; return the model's settings when the first has loaded it.

        Raises:
            LTWError: the model cannot be loaded.
        """
        first, *others = self._threads
        first.start()
        settings = self._settings.result()
        for thread in others:  # not before: of a model that is none one message is enough
            thread.start()
        return settings

    @property
    def settings(self) -> Settings:
        """The model's."""
        return self._settings.result()

    @property
    def up(self) -> int:
        """How many processes have the model loaded."""
        return sum(worker.loaded for worker in self._workers)

    @property
    def idle(self) -> bool:
        """Whether no file is being received, waits or is worked on."""
        return self._taken == 0

    def ahead(self, job: Job) -> int:
        """Return how many files wait before ``job``."""
        with self._changed:
            return self._waiting.index(job) if job in self._waiting else 0

    def reserve(self) -> None:
        """Take a place, before the file is even received; `submit` or `give_back` must follow.

        Raises:
            Refusal: 503, all places are taken, or the service is about to stop.
        """
        with self._changed:
            if self.closing:
                raise Refusal(503, "The service is shutting down.", retry_after=30)
            if self._taken >= len(self._workers) + self.limits.queue:
                seconds = math.ceil(self._typical * self._taken / len(self._workers))
                raise Refusal(
                    503,
                    "All places are taken: too many files wait already. Try again later.",
                    retry_after=min(max(1, seconds), 600),
                )
            self._taken += 1

    def give_back(self) -> None:
        """Give back a place for which there is no file after all."""
        with self._changed:
            self._taken -= 1

    def submit(self, job: Job) -> None:
        """Queue a job on a place that was reserved."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def refuse_new(self) -> None:
        """Go on with what there is, and take nothing more."""
        self.closing = True

    def close(self) -> None:
        """Stop at once: processes are killed; what waits or is worked on is refused."""
        with self._changed:
            self.closing = self._closed = True
            for job in [*self._waiting, *self._working]:
                job.cancelled.set()
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        while self._waiting:
            self._end(self._waiting.popleft(), None, 0.0)

    def _run(self, worker: ScoringWorker) -> None:
        """Keep one process at work: the life of a thread."""
        while not self._closed:
            try:
                settings = worker.load()
            except LTWError as error:
                if not self._settings.done():
                    self._settings.set_exception(error)
                    return
                log.error(f"worker: {error}")
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, RETRY_SECONDS)
                continue
            if settings is not None and not self._settings.done():
                self._settings.set_result(settings)
            job = self._next()
            if job is not None:
                began = time.monotonic()
                job.begin(worker.progress)
                outcome = worker.score(job.task, job.cancelled)
                self._end(job, outcome, time.monotonic() - began)
        worker.stop()

    def _next(self) -> Job | None:
        """Wait for a job; None after a while, so that an idle process is looked after."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting, LOOK_SECONDS)
            if self._closed or not self._waiting:
                return None
            job = self._waiting.popleft()
            self._working.add(job)
            return job

    def _end(self, job: Job, outcome: Scored | Refusal | None, seconds: float) -> None:
        if outcome is None and self._closed:
            outcome = Refusal(503, "The service was shut down.")
        if isinstance(outcome, Scored):
            self.metrics.scored(outcome.prediction, seconds)
        else:
            self.metrics.failed(job.task.kind, str(outcome.status) if outcome else "cancelled")
        with self._changed:
            self._working.discard(job)
            self._taken -= 1
            if seconds:
                self._typical += 0.3 * (seconds - self._typical)
        job.end(outcome or Refusal(410, "Cancelled."))
