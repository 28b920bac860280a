"""Output of the commands: results on standard output, lists of failures on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.markup import escape

from ltw.progress import console
from ltw.terminal import safe

output = safe(Console(markup=False, highlight=False, emoji=False))
SCREENFUL = 20


def names(text: str) -> Sequence[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def list_failures(items: Mapping[str, str], title: str, all_in: str = "") -> None:
    """List what needs a look on standard error: how often each reason, then each with its own.

    Of thousands a screenful is listed, those of rare reasons first, if they are ``all_in`` a file.
    """
    if not items:
        return
    counts = Counter(items.values())
    repeated = [f"{n} x {reason}" for reason, n in counts.most_common() if n > 1]
    rare_first = sorted(items, key=lambda name: counts[items[name]])
    each = [f"{name}: {items[name]}" for name in rare_first]
    console.print(f"[yellow]{escape(title)}: {len(items)}[/]")
    for lines in (repeated, each):
        shown = lines[:SCREENFUL] if all_in else lines
        for line in shown:
            console.print(f"  {escape(line)}", soft_wrap=True, highlight=False)
        if more := len(lines) - len(shown):
            console.print(f"  and {more} more: {escape(all_in)}", soft_wrap=True, highlight=False)


def end(failures: Mapping[str, str], title: str, all_in: str = "", *, more: int = 0) -> None:
    """List what failed; exit 1 if anything did, here or among ``more`` that were listed before."""
    list_failures(failures, title, all_in)
    if failures or more:
        raise typer.Exit(1)
