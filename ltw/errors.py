"""The errors a user may cause; the command line prints them as one message, exit code 2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class LTWError(Exception):
    """A user's mistake or bad input; the message names the value, what is allowed and the fix."""


class ConfigError(LTWError):
    """An experiment file, or a value in it, is not valid."""


class DataError(LTWError):
    """A data set, store or file is missing, damaged or not what it should be."""


class Stopped(BaseException):
    """Ctrl-C or SIGTERM, as the command line raises them; notes say what was kept.

    No `Exception`, as KeyboardInterrupt is none: what catches errors does not catch it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def when_stopped(say: Callable[[], str]) -> Iterator[None]:
    """Add what ``say()`` returns, what was kept and how to go on, to whatever stops the block."""
    try:
        yield
    except (Stopped, KeyboardInterrupt) as stop:
        stop.add_note(say())
        raise


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest allowed name, else the list of all."""
    names = sorted(allowed)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(names)}"
