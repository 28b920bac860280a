"""Figures of a report: matplotlib, the same colour for a method everywhere, light or dark paper.

Every function returns a new `Figure` that no global state knows, so there is nothing to close.
`svg` turns one into inline SVG whose colours are CSS variables (`CSS_COLOURS` lists both themes)
and whose text is text.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ltw.palette import BAND, CSS_COLOURS, INK, MUTED, RULE, SERIES, Colour
from ltw.types import REAL

METHOD_NAMES = {
    "alltrain": "ERM",
    "ltw": "LTW",
    "ltw-without-icc": "LTW without ICC",
    "ltw-without-weights": "LTW without weights",
    "ltw-without-meta-test": "LTW without meta-test",
    "mldg": "MLDG",
    "focal": "Focal loss",
    "basemodel": "Base model",
    "forensic_transfer": "ForensicTransfer",
    "multi_task": "Multi-task",
}
"""How a method is called in print; its place in the list fixes its colour."""

LINES = ("-", "--", ":", "-.")
Curve = tuple[Sequence[float], Sequence[float]]


def method_name(method: str) -> str:
    """Return a method's printed name, or the name itself where it has none."""
    return METHOD_NAMES.get(method, method)


def method_colour(method: str) -> Colour:
    """Return the colour that stands for a method in every figure and table."""
    return SERIES[_place(method) % len(SERIES)]


def pretty(domain: str) -> str:
    """Return a domain's name as prose: ``learned_swap`` -> ``learned swap``."""
    return domain.replace("_", " ")


def roc_figure(curves: Mapping[str, Curve]) -> Figure:
    """ROC curves of one domain: ``{method: (fpr, tpr)}``."""
    figure, axes = _panel(2.75, 2.6)
    axes.plot([0, 1], [0, 1], color=RULE.light, linewidth=1)
    for method, (fpr, tpr) in curves.items():
        _draw(axes, method, fpr, tpr)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set_aspect("equal")
    axes.set_xlabel("reals called fake")
    axes.set_ylabel("fakes found")
    _legend(axes, "lower right")
    return figure


def loss_figure(curves: Mapping[str, Curve]) -> Figure:
    """Training loss by step, ``{method: (steps, losses)}``: each step thin, running mean bold."""
    figure, axes = _panel(4.4, 2.9)
    for method, (steps, losses) in curves.items():
        colour = method_colour(method).light
        window = max(1, len(losses) // 20)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.3)
        _draw(axes, method, np.asarray(steps)[window // 2 :][: len(smooth)], smooth)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    _legend(axes, "upper right")
    return figure


def validation_figure(curves: Mapping[str, Curve]) -> Figure:
    """Source validation AUC by epoch, ``{method: (epochs, auc)}``; a ring marks the best."""
    figure, axes = _panel(4.4, 2.9)
    for method, (epochs, aucs) in curves.items():
        colour = method_colour(method).light
        _draw(axes, method, epochs, aucs, marker="o", markersize=3)
        best = int(np.argmax(aucs))
        axes.plot(epochs[best], aucs[best], "o", ms=9, mfc="none", mec=colour, mew=1.4)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation AUC")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes, "lower right")
    return figure


def weights_figure(epochs: Sequence[float], weights: Mapping[str, Sequence[float]]) -> Figure:
    """Mean learned weight by epoch of every domain, ``{domain: weights}``; reals in grey."""
    figure, axes = _panel(4.4, 2.9)
    forgeries = [domain for domain in weights if domain != REAL]
    for domain, values in weights.items():
        place = forgeries.index(domain) if domain != REAL else 0
        colour = MUTED if domain == REAL else SERIES[(place + 2) % len(SERIES)]
        axes.plot(
            epochs,
            values,
            color=colour.light,
            linestyle=(0, (1, 1)) if domain == REAL else LINES[place % len(LINES)],
            linewidth=1.9,
            marker="o",
            markersize=3,
            label=pretty(domain),
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean learned weight")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, labelcolor=INK.light
    )
    return figure


def comparison_figure(results: Mapping[str, Any]) -> Figure:
    """AUC (frame) and 95% interval of every method on the unseen forgery and on its sources.

    ``results`` is ``{"target": str, "sources": [str], "methods": {method: {"domains": {domain:
    {"frame": {"auc": {"value", "low", "high"}}}}}}}``, the domains as in ``metrics.json``.
    """
    domains = [results["target"], *results["sources"]]
    methods = list(results["methods"])
    figure, axes = _panel(4.8, 0.75 + 0.62 * len(domains))
    axes.axhspan(-0.5, 0.5, color=BAND.light, zorder=0)
    for place, method in enumerate(methods):
        offset = (place - (len(methods) - 1) / 2) * 0.6 / len(methods)
        for row, domain in enumerate(domains):
            measured = results["methods"][method]["domains"].get(domain)
            if measured is not None:
                _dot(axes, measured["frame"]["auc"], row + offset, method, label=row == 0)
    axes.set_yticks(
        range(len(domains)), [f"{pretty(domains[0])}\nnever seen", *map(pretty, domains[1:])]
    )
    axes.tick_params(axis="y", length=0, labelcolor=INK.light, labelsize=10)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim(len(domains) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(left, max(1.0, right))
    if left < 0.5:
        axes.axvline(0.5, color=MUTED.light, linewidth=1, linestyle=":")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("AUC, with 95% intervals over test videos")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, labelcolor=INK.light
    )
    return figure


def _dot(axes: Axes, auc: Mapping[str, Any], y: float, method: str, *, label: bool) -> None:
    colour = method_colour(method).light
    if auc["low"] is not None:
        axes.plot([auc["low"], auc["high"]], [y, y], color=colour, linewidth=2, alpha=0.55)
    axes.plot(
        auc["value"],
        y,
        "os"[_place(method) % 2],
        color=colour,
        markersize=6.5,
        linestyle="none",
        label=method_name(method) if label else None,
    )


def svg(figure: Figure, prefix: str) -> str:
    """Return a figure as inline SVG; ``prefix`` keeps its ids apart from other figures'."""
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


def face_uri(image: NDArray[np.uint8], size: int = 112) -> str:
    """Return a uint8 (S, S, 3) RGB face as a JPEG data URI of ``size`` pixels."""
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _place(method: str) -> int:
    known = list(METHOD_NAMES)
    return known.index(method) if method in known else len(known)


def _draw(axes: Axes, method: str, x: ArrayLike, y: ArrayLike, **style: Any) -> None:
    """Draw one method's curve in its colour and line, everywhere the same."""
    axes.plot(
        x,
        y,
        color=method_colour(method).light,
        linestyle=_method_line(method),
        linewidth=1.9,
        label=method_name(method),
        **style,
    )


def _method_line(method: str) -> str:
    return LINES[_place(method) // len(SERIES) % len(LINES)]


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of ``width`` x ``height`` inches with one quiet pair of axes."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_facecolor("none")
    axes.grid(color=RULE.light, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE.light)
    axes.tick_params(color=RULE.light, labelcolor=MUTED.light, labelsize=9)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=INK.light, fontsize=9.5)
    return figure, axes


def _legend(axes: Axes, place: Any) -> None:
    axes.legend(loc=place, frameon=False, labelcolor=INK.light, fontsize=9.5, handlelength=1.6)
