"""Style of all figures: colours and lines of methods and domains, panels, legends, SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from ltw.labels import method_name
from ltw.methods import METHODS
from ltw.palette import CSS_COLOURS, INK, MUTED, RULE, SERIES, Colour
from ltw.types import REAL

LINES = ("-", "--", ":", "-.")
FEW = 4
"""Up to so many curves have bands, which would hide each other, and a legend below."""


def method_colour(method: str) -> Colour:
    """Return the colour that stands for a method in every figure and table."""
    return METHODS[method].colour if method in METHODS else INK


def method_line(method: str) -> str:
    """Return the line style that tells methods of one colour apart."""
    return METHODS[method].line if method in METHODS else "-"


def method_place(method: str) -> int:
    """Return a method's place in `METHODS`; unknown ones share the place after the last."""
    known = list(METHODS)
    return known.index(method) if method in known else len(known)


def domain_style(domain: str, forgeries: Sequence[str]) -> dict[str, Any]:
    """Return matplotlib's colour and line of a domain by its place in ``forgeries``; reals grey."""
    if domain == REAL:
        return {"color": MUTED.light, "linestyle": (0, (1, 1))}
    place = forgeries.index(domain)
    colour = SERIES[(place + 2) % len(SERIES)]
    return {"color": colour.light, "linestyle": LINES[place % len(LINES)]}


def plot_method(axes: Axes, method: str, x: ArrayLike, y: ArrayLike, **style: Any) -> None:
    """Draw one method's curve in its colour and line, everywhere the same."""
    own: dict[str, Any] = {
        "color": method_colour(method).light,
        "linestyle": method_line(method),
        "linewidth": 1.9,
        "label": method_name(method),
    }
    axes.plot(x, y, **(own | style))


def panel(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of ``width`` x ``height`` inches with one quiet pair of axes."""
    figure, (axes,) = panels(width, height, 1, 1)
    return figure, axes


def panels(
    width: float, height: float, rows: int, columns: int, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``width`` x ``height`` inches with quiet axes, row by row."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    for axes in grid.flat:
        axes.set_facecolor("none")
        axes.grid(color=RULE.light, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(RULE.light)
        axes.tick_params(color=RULE.light, labelcolor=MUTED.light, labelsize=9)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set(color=INK.light, fontsize=9.5)
    return figure, list(grid.flat)


def head(axes: Axes, text: str) -> None:
    """Give one of several panels its heading."""
    axes.set_title(text, loc="left", fontweight="bold", fontsize=10.5, color=INK.light)


def legend(axes: Axes, place: Any, **options: Any) -> None:
    """Give ``axes`` a legend without a frame."""
    chosen = {"fontsize": 9.5, "handlelength": 1.6} | options
    axes.legend(loc=place, frameon=False, labelcolor=INK.light, **chosen)


def legend_outside(axes: Axes) -> None:
    """Put the legend of ``axes`` where it hides no curve: few below, many in a column beside."""
    count = len(axes.get_legend_handles_labels()[1])
    if count <= FEW:
        legend(axes, "upper center", bbox_to_anchor=(0.5, -0.17), ncols=min(2, count))
    else:
        legend(axes, "center left", bbox_to_anchor=(1.02, 0.5), fontsize=9, handlelength=2.4)


def square_panel(side: float, curves: int) -> tuple[Figure, Axes]:
    """Return a panel for about ``side`` x ``side`` inches and room for a `legend_outside`."""
    few = curves <= FEW
    height = side + (0.1 + 0.2 * (curves // 2) if few else 0.3)
    figure, axes = panel(side if few else side + 2.8, height)
    figure.set_layout_engine("compressed")  # the one that knows of a fixed aspect
    return figure, axes


def label_ends(axes: Axes, ends: Sequence[tuple[str, float, str]], x: float) -> None:
    """Write each (text, y, colour) at the right end of its curve, moved apart where they meet."""
    low, high = axes.get_ylim()
    ends = sorted(ends, key=lambda end: end[1])
    places = spread([y for _, y, _ in ends], 0.075 * (high - low))
    for (text, _, colour), y in zip(ends, places, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(7, 0),
            textcoords="offset points",
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )


def spread(values: Sequence[float], apart: float) -> Sequence[float]:
    """Return the nearest values (least squares) to ascending ones that are ``apart`` or more."""
    steps = apart * np.arange(len(values))
    return list(isotonic_regression(np.asarray(values) - steps).x + steps)


def svg(figure: Figure, prefix: str) -> str:
    """Return a figure as inline SVG whose text is text and whose colours are CSS variables.

    ``prefix`` keeps its ids apart from other figures'; `CSS_COLOURS` lists both themes.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for colour in CSS_COLOURS:
        text = text.replace(colour.light, f"var(--{colour.name})")
    return text
