"""Status table: what a suite's runs are doing: a live table on a terminal, else a line an event."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal, Self

from rich.live import Live
from rich.table import Table

from ltw.bench.plan import PlannedRun
from ltw.progress import console

State = Literal["todo", "running", "done", "failed"]


class StatusTable:
    """Shows the runs while its block lasts, on standard error.

    Rows are method x variant, columns benchmarks; a cell counts the seeds done, running and failed.
    """

    def __init__(self, runs: Sequence[PlannedRun], done: Collection[PlannedRun]) -> None:
        self.runs = runs
        self.state: dict[str, State] = {
            run.folder.name: "done" if run in done else "todo" for run in runs
        }
        self._began: dict[str, float] = {}
        self._live = Live(get_renderable=self.table, console=console, refresh_per_second=1)

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._live.start()
        else:
            self._say(f"{self._count('done')} of {len(self.runs)} runs finished before")
        return self

    def __exit__(self, *error: object) -> None:
        if console.is_terminal:
            self._live.stop()

    def start(self, run: PlannedRun) -> None:
        """Show that a run has begun."""
        self._began[run.folder.name] = time.monotonic()
        self.state[run.folder.name] = "running"
        self._say(f"{run}: running, log in {run.folder}")

    def end(self, run: PlannedRun, failure: str | None) -> None:
        """Show that a run is done or, with a reason, failed."""
        self.state[run.folder.name] = "done" if failure is None else "failed"
        seconds = time.monotonic() - self._began[run.folder.name]
        outcome = "done" if failure is None else "failed"
        ended = self._count("done") + self._count("failed")
        self._say(f"[{ended}/{len(self.runs)}] {run}: {outcome} after {seconds:.0f} s")

    def table(self) -> Table:
        """Return the table as it stands."""
        cells: dict[tuple[str, str], Counter[State]] = {}
        for run in self.runs:
            cell = cells.setdefault((str(run.variant), run.benchmark.name), Counter())
            cell[self.state[run.folder.name]] += 1
        rows = list(dict.fromkeys(row for row, _ in cells))
        columns = list(dict.fromkeys(column for _, column in cells))
        table = Table("method", *columns, caption="seeds done")
        for row in rows:
            table.add_row(row, *(_cell(cells.get((row, column))) for column in columns))
        return table

    def _count(self, state: State) -> int:
        return list(self.state.values()).count(state)

    def _say(self, line: str) -> None:
        if not console.is_terminal:
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cell(states: Counter[State] | None) -> str:
    if states is None:
        return ""
    parts = [f"{states['done']}/{states.total()}"]
    if states["running"]:
        parts.append(f"[cyan]{states['running']} running[/]")
    if states["failed"]:
        parts.append(f"[red]{states['failed']} failed[/]")
    return " ".join(parts)
