"""Terminal output on standard error: one progress bar for every long job, and the log.

Library code never prints: what it has to say goes to Python's `logging`, to loggers named after
their modules, below ``ltw``. The command line shows them by `show_log`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ltw.terminal import printable, safe

console = safe(Console(stderr=True, force_jupyter=False))


class _ConsoleHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        console.print(
            self.format(record),
            style="yellow" if record.levelno >= logging.WARNING else None,
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=True,
        )


def show_log() -> None:
    """Show what ``ltw`` logs, from level INFO on, on standard error; once however often called."""
    log = logging.getLogger("ltw")
    if not any(isinstance(handler, _ConsoleHandler) for handler in log.handlers):
        log.addHandler(_ConsoleHandler())
    log.setLevel(logging.INFO)


@contextmanager
def progress_bar(description: str, total: int, done: int = 0) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs; call what it yields as ``advance(n=1, note="")``.

    ``done`` counts what an earlier, cut-off call had finished already; ``note`` is shown beside it.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
    ) as progress:
        task = progress.add_task(printable(description), total=total, completed=done, note="")

        def advance(n: int = 1, note: str | None = None) -> None:
            progress.advance(task, n)
            if note is not None:
                progress.update(task, note=printable(note))

        yield advance
