"""What commands share: results on standard output, lists of failures on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.markup import escape

from ltw.progress import console

output = Console(markup=False, highlight=False, emoji=False)


def names(text: str) -> Sequence[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def list_failures(items: Mapping[str, str], title: str) -> None:
    """List what needs a look on standard error: how often each reason, then each with its own."""
    if items:
        console.print(f"[yellow]{len(items)} {title}:[/]")
    for reason, count in Counter(items.values()).most_common():
        if count > 1:
            console.print(f"  {count} x {escape(reason)}", soft_wrap=True, highlight=False)
    for name, reason in items.items():
        console.print(f"  {escape(name)}: {escape(reason)}", soft_wrap=True, highlight=False)


def end(failures: Mapping[str, str], title: str) -> None:
    """List what failed; exit 1 if anything did."""
    list_failures(failures, title)
    if failures:
        raise typer.Exit(1)


def interval(value: Mapping[str, float | None]) -> str:
    """Return a figure with its interval, where it has one."""
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
