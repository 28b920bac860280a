"""The colours of every page and figure, each with its value on light and on dark paper."""

from __future__ import annotations

from typing import NamedTuple


class Colour(NamedTuple):
    """One colour of the palette: its CSS variable and its value on light and on dark paper."""

    name: str
    light: str
    dark: str


INK = Colour("ink", "#1c2329", "#e8ecef")
MUTED = Colour("muted", "#66717b", "#98a4ae")
RULE = Colour("rule", "#d9dee3", "#363f47")
BAND = Colour("band", "#eef3f7", "#1f2830")

# Told apart by red-green and blue-yellow blind readers, in the order series are first met.
SERIES = (
    Colour("orange", "#c2570c", "#f59e52"),
    Colour("blue", "#0067a5", "#5cb8f0"),
    Colour("green", "#00846a", "#3ccbab"),
    Colour("purple", "#9b4593", "#dc8fd3"),
    Colour("ochre", "#8f7000", "#e2c445"),
    Colour("slate", "#4a5a8a", "#9db0ea"),
)
ORANGE, BLUE, GREEN, PURPLE, OCHRE, SLATE = SERIES
PEOPLE = (
    *SERIES[2:],
    Colour("teal", "#00788f", "#4fc3dd"),
    Colour("rose", "#c2386e", "#ff8fb8"),
    Colour("olive", "#5f7a00", "#b5d33d"),
    Colour("violet", "#6a4fc0", "#b39dff"),
    Colour("brown", "#7a5230", "#d2a679"),
    Colour("moss", "#2f6b3a", "#7fd08f"),
    Colour("brick", "#a8352e", "#ff8f85"),
    Colour("grey", "#555f68", "#b9c2ca"),
)
"""Colours of people in a file; the first two of `SERIES` are the verdicts'."""
CSS_COLOURS = (INK, MUTED, RULE, BAND, *SERIES, *PEOPLE[4:])

_PAPER = Colour("paper", "#ffffff", "#161c22")
_PAGE = Colour("page", "#f6f7f9", "#0e1216")


def theme_css() -> str:
    """Return the CSS variables of every page: the palette, ``--paper`` of cards, ``--page``.

    Classes ``s0``, ``s1``, ... set ``--p`` to the colours of `PEOPLE`.
    """
    colours = (*CSS_COLOURS, _PAPER, _PAGE)
    light = " ".join(f"--{colour.name}: {colour.light};" for colour in colours)
    dark = " ".join(f"--{colour.name}: {colour.dark};" for colour in colours)
    people = "\n".join(f".s{n} {{ --p: var(--{c.name}); }}" for n, c in enumerate(PEOPLE))
    return (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"{people}\n"
    )
