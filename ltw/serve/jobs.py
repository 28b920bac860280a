"""Job: one uploaded file on its way from the queue to its result."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event
from typing import Literal

from ltw.serve.limits import Refusal
from ltw.serve.scoring import Scored, Task
from ltw.serve.uploads import Upload

JobState = Literal["waiting", "working", "done", "failed"]


class Job:
    """Job: a file that was accepted.

    Attributes:
        id: cannot be guessed; who knows it may read the result.
        future: ends with the result, or with a `Refusal`.
        cancelled: set by whoever no longer wants the result.
        seen: whether the end has been told to anybody.
    """

    def __init__(self, upload: Upload, *, pictures: bool) -> None:
        self.id = secrets.token_urlsafe(16)
        self.upload = upload
        self.task = Task(upload.path, upload.name, upload.kind, pictures)
        self.future: Future[Scored] = Future()
        self.cancelled = Event()
        self.seen = False
        self.finished = 0.0
        self._progress: Sequence[int] | None = None

    @property
    def state(self) -> JobState:
        """Where it is."""
        if self.future.done():
            return "failed" if self.refusal else "done"
        return "waiting" if self._progress is None else "working"

    @property
    def progress(self) -> tuple[int, int]:
        """Frames searched, and of how many; (0, 0) before that is known."""
        done, total = self._progress or (0, 0)
        return done, total

    @property
    def refusal(self) -> Refusal | None:
        """Why it failed."""
        error = self.future.exception() if self.future.done() else None
        return error if isinstance(error, Refusal) else None

    @property
    def result(self) -> Scored | None:
        """What came of it, if it was scored."""
        return self.future.result() if self.state == "done" else None

    def begin(self, progress: Sequence[int]) -> None:
        """Be worked on; ``progress`` is the worker's shared memory."""
        self._progress = progress

    def end(self, outcome: Scored | Refusal) -> None:
        """Be over: the file is let go before anybody is told."""
        self.upload.close()
        self._progress = tuple(self.progress)
        self.finished = time.monotonic()
        if isinstance(outcome, Refusal):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Results:
    """Results: the page's jobs by id; those that ended are forgotten after ``keep`` seconds."""

    def __init__(self, keep: float, most: int = 64) -> None:
        self._keep = keep
        self._most = most
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Remember a job."""
        self._jobs[job.id] = job

    def get(self, name: str) -> Job:
        """Return a job.

        Raises:
            Refusal: 404, there is none with this id, or no longer.
        """
        self.forget()
        if name not in self._jobs:
            raise Refusal(404, f"There is no such job; results are kept for {self._keep:g} s.")
        return self._jobs[name]

    def remove(self, name: str) -> None:
        """Forget a job now, and stop it if it goes on."""
        self.get(name).cancelled.set()
        del self._jobs[name]

    def forget(self) -> None:
        """Drop what is too old, and the oldest where there are too many."""
        ended = [job for job in self._jobs.values() if job.future.done()]
        ended.sort(key=lambda job: job.finished)
        late = time.monotonic() - self._keep
        for place, job in enumerate(ended):
            if job.finished < late or place < len(ended) - self._most:
                del self._jobs[job.id]

    @property
    def unseen(self) -> bool:
        """Whether an end has not been told to anybody yet."""
        return any(not job.seen for job in self._jobs.values())
