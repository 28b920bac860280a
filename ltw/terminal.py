"""Text for terminals and pipes, whatever is in it and whatever they can show."""

from __future__ import annotations

import sys
import unicodedata
from io import TextIOWrapper

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

_CONTROL = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT = {"\n", "\t"}


def printable(text: str) -> str:
    """Return text with � for what would act on a terminal, or is no character.

    These are control characters (but line ends and tabs), such that turn the direction of the text
    around, and the bytes of file names that are not UTF-8.
    """
    stored = text.encode("utf-8", "surrogateescape" if _escaped(text) else "replace")
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _acts(character) else character
        for character in stored.decode("utf-8", "replace")
    )


def _escaped(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" and not "\udc80" <= c <= "\udcff" for c in text)


def _acts(character: str) -> bool:
    if character in _KEPT:
        return False
    return character in _DIRECTION or unicodedata.category(character) in _CONTROL


def replace_unprintable() -> None:
    """Let no character end a command: what a terminal or a pipe cannot encode is written as ?."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


class _Printable:
    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class _PrintableOnly(RenderHook):
    """Sees all that a console is asked to print: text reaches no terminal but as `printable`."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(renderable) for renderable in renderables]


def safe(console: Console) -> Console:
    """Return the console, which from now on prints nothing that acts on the terminal."""
    console.push_render_hook(_PrintableOnly())
    return console
