"""One progress bar for every long job: on standard error, with a count, a rate and time left."""

from __future__ import annotations

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

console = safe(Console(stderr=True))


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
