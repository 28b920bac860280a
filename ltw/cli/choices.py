"""Choices: arguments and options whose values are the names that a part of the package knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypedDict

import typer

from ltw.errors import did_you_mean


class Choice(TypedDict):
    """Keywords of `typer.Argument` and `typer.Option` for a choice."""

    parser: Callable[[str], str]
    help: str


def one_of(names: Iterable[str], text: str) -> Choice:
    """Return the keywords of a parameter that takes one of ``names``; its help lists them."""
    allowed = tuple(names)

    def parse(value: str) -> str:
        if value not in allowed:
            raise typer.BadParameter(f"{value!r} is unknown{did_you_mean(value, allowed)}")
        return value

    return Choice(parser=parse, help=f"{text}: {', '.join(allowed)}.")
