"""Differences: LTW against each other method, with their intervals around zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ltw.errors import DataError
from ltw.labels import domain_name, method_name, span
from ltw.palette import INK, MUTED
from ltw.report.figures.captioned import CaptionedFigure
from ltw.report.figures.style import method_colour, method_place, panel
from ltw.report.settings import describe_training
from ltw.results.comparisons import Comparison, compare
from ltw.results.runs import Row, Run, group_by_seed

SECTION = "LTW against the others"


def figures(runs: Sequence[Run]) -> list[CaptionedFigure]:
    """Return, of sorted ``runs``, a figure of means over benchmarks for each variant of LTW.

    The paper's benchmarks and others are apart. Where there is no mean, each target has a figure.

    Raises:
        DataError: predictions of a run are missing or damaged, or LTW stands beside no other method
            on the same faces.
    """
    found = [c for c in compare(group_by_seed(runs)) if c.difference is not None]
    if not found:
        raise DataError("no run of LTW beside one of another method, tested on the same faces")
    trained = f"Trained with {describe_training(runs)}."
    return list(_figures(found, trained))


def _figures(found: Sequence[Comparison], trained: str) -> Iterator[CaptionedFigure]:
    together: dict[tuple[Row, bool], list[Comparison]] = defaultdict(list)
    for c in found:
        together[c.row, c.is_of_paper].append(c)
    for (row, paper), own in together.items():
        if means := [c for c in own if c.target is None]:
            counts = sorted(len(c.benchmarks) for c in means)
            title = f"{row} on the paper's benchmarks" if paper else str(row)
            words = f"Dots: means over {span(counts)} benchmarks. Ticks: single targets. {trained}"
            yield _figure(title, words, means, own)
            continue
        for benchmark, target in dict.fromkeys((c.benchmark, c.target or "") for c in own):
            here = [c for c in own if (c.benchmark, c.target) == (benchmark, target)]
            yield _figure(f"{row} on {benchmark}, {domain_name(target)}", trained, here)


def _figure(
    title: str, words: str, shown: Sequence[Comparison], parts: Sequence[Comparison] = ()
) -> CaptionedFigure:
    how = (
        "Single frames; 95% confidence intervals by a paired bootstrap over the test set and, "
        "where there are several, seeds."
    )
    ordered = sorted(shown, key=lambda c: method_place(c.versus.method))
    return CaptionedFigure(SECTION, title, f"{how} {words}", differences_figure(ordered, parts))


def differences_figure(shown: Sequence[Comparison], parts: Sequence[Comparison] = ()) -> Figure:
    """Draw a row a method: the difference with its interval, and its ``parts`` as ticks."""
    figure, axes = panel(5.6, 1.0 + 0.34 * len(shown))
    axes.axvline(0, color=INK.light, linewidth=1)
    for row, comparison in enumerate(shown):
        whole = comparison.difference
        assert whole is not None
        colour = method_colour(comparison.versus.method).light
        single = [
            part.difference.value
            for part in parts
            if part.versus == comparison.versus and part.target and part.difference
        ]
        axes.plot(
            single,
            [row] * len(single),
            linestyle="none",
            marker="|",
            markersize=9,
            color=MUTED.light,
        )
        if whole.low is not None and whole.high is not None:
            axes.plot([whole.low, whole.high], [row, row], color=colour, linewidth=2.2)
        axes.plot(whole.value, row, "o", color=colour, markersize=7)
    axes.set_yticks(range(len(shown)), [method_name(c.versus.method) for c in shown])
    axes.tick_params(axis="y", length=0, labelcolor=INK.light, labelsize=9.5)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("AUC of LTW minus that of the other")
    edge = blended_transform_factory(axes.transData, axes.transAxes)
    for side, text, shift in (("right", "other better", -6), ("left", "LTW better", 6)):
        axes.annotate(
            text,
            (0, 1),
            xycoords=edge,
            xytext=(shift, 4),
            textcoords="offset points",
            ha=side,
            fontsize=9,
            color=MUTED.light,
        )
    return figure
