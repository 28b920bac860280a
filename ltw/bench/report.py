"""The report of a comparison: run folders in, one self-contained HTML file out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ltw import metrics
from ltw.bench.figures.comparison import comparison_figure
from ltw.bench.figures.gallery import CLASSES, galleries
from ltw.bench.figures.roc import mean_roc, roc_figure
from ltw.bench.figures.style import method_colour, method_name, pretty, svg
from ltw.bench.figures.training import loss_figure, validation_figure
from ltw.bench.figures.weights import weights_by_epoch, weights_figure
from ltw.bench.pages import render_page
from ltw.data.store import Store
from ltw.engine.evaluate import domain_faces
from ltw.errors import DataError
from ltw.files import write_text

BASELINE = "alltrain"
COLUMNS = {"auc": "AUC", "acc": "ACC", "eer": "EER", "log_loss": "Log loss"}
HIGHER_IS_BETTER = {"auc": True, "acc": True, "eer": False, "log_loss": False}

Differences = dict[str, dict[str, dict[str, metrics.Interval]]]
"""{domain: {"frame" | "video": {metric: (low, high)}}} of a method minus the baseline."""


@dataclass(frozen=True)
class Run:
    """What a run folder says, read once."""

    method: str
    config: str
    steps: pd.DataFrame
    epochs: list[dict[str, Any]]
    measured: dict[str, Any]
    tests: dict[str, pd.DataFrame]
    weights: pd.DataFrame | None

    @property
    def domains(self) -> dict[str, Any]:
        """What ``metrics.json`` says of each forgery."""
        return dict(self.measured["domains"])

    @classmethod
    def read(cls, method: str, folder: Path) -> Run:
        """Read a run folder; a missing or damaged file is a `DataError` that names it."""
        needed = ("config.toml", "metrics.jsonl", "predictions.parquet", "metrics.json")
        missing = [name for name in needed if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder}: not an evaluated run, {', '.join(missing)} missing; "
                "train it, then run `ltw evaluate` on it"
            )
        try:
            lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            log = [json.loads(line) for line in lines]
            measured = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise DataError(f"{folder}: a metrics file is damaged ({error})") from None
        weights = folder / "weights.parquet"
        return cls(
            method=method,
            config=(folder / "config.toml").read_text(encoding="utf-8"),
            steps=pd.DataFrame([entry for entry in log if entry.get("kind") == "step"]),
            epochs=[entry for entry in log if entry.get("kind") == "epoch"],
            measured=measured,
            tests=domain_faces(folder / "predictions.parquet")[0],
            weights=pd.read_parquet(weights) if weights.is_file() else None,
        )


def collect_results(
    runs: Mapping[str, Path],
    *,
    sources: Sequence[str],
    target: str,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Return what ``results.json`` holds: every method's metrics on the target, and all domains.

    ``{"target", "sources", "methods": {method: {"frame": {metric: value}, "video": {...},
    "domains": as in metrics.json}}, "seconds"}``; `comparison_figure` draws it.

    Raises:
        DataError: a run folder is incomplete, or a run was not measured on the target.
    """
    return _results(_read_runs(runs, target), sources, target, seconds)


def write_report(
    out: Path,
    runs: Mapping[str, Path],
    *,
    store: Path,
    sources: Sequence[str],
    target: str,
    title: str,
    seconds: float | None = None,
) -> None:
    """Write ``out``, a page that needs no other file, from evaluated run folders by method name.

    ``store`` holds the faces of the weight gallery and is opened only where a run has weights.
    ``seconds`` is how long everything took, for the page's last line.

    Raises:
        DataError: a run folder is incomplete, or a run was not measured on the target.
    """
    read = _read_runs(runs, target)
    shown = [name for name in (target, *sources) if any(name in run.domains for run in read)]
    differences = {
        run.method: _differences(read, run, shown) for run in read if run.method != BASELINE
    }
    page = render_page(
        "report.html.j2",
        {
            "pretty": pretty,
            "method_name": method_name,
            "labelled": _labelled,
            "signed": _signed,
        },
        title=title,
        target=target,
        sources=list(sources),
        methods=[(run.method, method_colour(run.method).name) for run in read],
        findings=_findings(read, target, sources, differences),
        comparison=_inline(
            comparison_figure(_results(read, sources, target, seconds)), "comparison"
        ),
        tables={at: _table(read, shown, at, differences) for at in ("frame", "video")},
        columns=COLUMNS,
        higher=HIGHER_IS_BETTER,
        rocs={domain: _roc(read, domain, place) for place, domain in enumerate(shown)},
        curves=_training(read),
        weighted=[_weighted(run, store) for run in read if run.weights is not None],
        configs={run.method: run.config for run in read},
        notes=sorted({note for run in read for note in run.measured["notes"]}),
        replicates=read[0].measured["replicates"],
        counts={name: read[0].domains.get(name) for name in shown},
        seconds=seconds,
    )
    write_text(out, page)


def _read_runs(runs: Mapping[str, Path], target: str) -> list[Run]:
    read = [Run.read(method, Path(folder)) for method, folder in runs.items()]
    for run in read:
        if target not in run.domains:
            raise DataError(
                f"{run.method} was not measured on the target {target!r}; "
                f"measured: {', '.join(run.domains)}"
            )
    return read


def _results(
    read: Sequence[Run], sources: Sequence[str], target: str, seconds: float | None
) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for run in read:
        values = {
            at: {name: run.domains[target][at][name]["value"] for name in metrics.METRICS}
            for at in ("frame", "video")
        }
        methods[run.method] = {**values, "domains": run.domains}
    return {"target": target, "sources": list(sources), "methods": methods, "seconds": seconds}


def _differences(read: Sequence[Run], run: Run, domains: Sequence[str]) -> Differences:
    """Paired intervals of ``run`` minus the baseline, where both scored the same faces."""
    baseline = next((other for other in read if other.method == BASELINE), None)
    found: Differences = {}
    for domain in domains if baseline else ():
        assert baseline is not None
        if domain not in run.tests or domain not in baseline.tests:
            continue
        first, second = (r.tests[domain].sort_values("index") for r in (baseline, run))
        same = first["index"].tolist() == second["index"].tolist()
        few = first.groupby("label")["video"].nunique().min() < 2
        if same and not few:
            draws = metrics.draw(first)
            found[domain] = {
                level: _difference(first, second, draws, level) for level in metrics.LEVELS
            }
    return found


def _difference(
    first: pd.DataFrame, second: pd.DataFrame, draws: metrics.Draws, level: metrics.Level
) -> dict[str, metrics.Interval]:
    """Intervals of (second's metric - first's) on the same draws."""
    a, b = (metrics.Scores.of(faces, level).replicate(draws) for faces in (first, second))
    return {
        name: metrics.percentile_interval(b[name] - a[name], draws.fewest)
        for name in metrics.METRICS
    }


def _table(
    read: Sequence[Run], domains: Sequence[str], at: str, differences: Mapping[str, Differences]
) -> dict[str, Any]:
    """``{domain: {"rows": {method: {metric: cell}}, "differences": {method: {metric: cell}}}}``."""
    return {
        domain: {
            "rows": _rows({r.method: r.domains[domain][at] for r in read if domain in r.domains}),
            "differences": {
                run.method: _difference_cells(read, run, domain, at, differences[run.method])
                for run in read
                if domain in differences.get(run.method, {})
            },
        }
        for domain in domains
    }


def _rows(measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Copy the measured values and mark the best of several methods, ties included."""
    best = {
        name: (max if higher else min)(cells[name]["value"] for cells in measured.values())
        for name, higher in HIGHER_IS_BETTER.items()
    }
    return {
        method: {
            name: {**cells[name], "best": len(measured) > 1 and cells[name]["value"] == best[name]}
            for name in COLUMNS
        }
        for method, cells in measured.items()
    }


def _difference_cells(
    read: Sequence[Run], run: Run, domain: str, at: str, intervals: Differences
) -> dict[str, Any]:
    baseline = next(other for other in read if other.method == BASELINE)
    cells = {}
    for name in COLUMNS:
        low, high = intervals[domain][at][name]
        value = run.domains[domain][at][name]["value"] - baseline.domains[domain][at][name]["value"]
        cells[name] = {"value": value, "low": low, "high": high, "decided": low > 0 or high < 0}
    return cells


def _findings(
    read: Sequence[Run], target: str, sources: Sequence[str], differences: Mapping[str, Differences]
) -> list[str]:
    """Say in plain sentences what the numbers show, whichever way they fall."""
    sentences = []
    for run in read:
        auc = run.domains[target]["frame"]["auc"]
        seen = [run.domains[s]["frame"]["auc"]["value"] for s in sources if s in run.domains]
        known = f", against {np.mean(seen):.3f} on average on the forgeries it knew" if seen else ""
        sentences.append(
            f"{method_name(run.method)} reaches an AUC of {_with_interval(auc)} on {pretty(target)}"
            f"{known}{_against_chance(auc)}."
        )
    baseline = next((run for run in read if run.method == BASELINE), None)
    for run in read if baseline else ():
        if target in differences.get(run.method, {}):
            assert baseline is not None
            sentences.append(_verdict(baseline, run, target, differences[run.method]))
    return sentences


def _verdict(baseline: Run, run: Run, target: str, intervals: Differences) -> str:
    low, high = intervals[target]["frame"]["auc"]
    first, second = (r.domains[target]["frame"]["auc"]["value"] for r in (baseline, run))
    ours, theirs = method_name(run.method), method_name(baseline.method)
    if low > 0:
        outcome = f"{ours} is better than {theirs} on these test videos"
    elif high < 0:
        outcome = f"{ours} is worse than {theirs} on these test videos"
    else:
        outcome = f"These test videos do not tell {ours} and {theirs} apart"
    return (
        f"{outcome}: the difference in AUC on {pretty(target)} is {_signed(second - first)} "
        f"(95% interval {_signed(low)} to {_signed(high)}, both scored on the same videos)."
    )


def _against_chance(auc: Mapping[str, Any]) -> str:
    """Say so where an AUC's interval reaches down to guessing, or lies below it."""
    if auc["low"] is None or auc["low"] > 0.5:
        return ""
    if auc["high"] < 0.5:
        return "; that is worse than guessing (0.5)"
    return "; its interval holds 0.5, so it is not shown to be better than guessing"


def _with_interval(cell: Mapping[str, Any]) -> str:
    if cell["low"] is None:
        return f"{cell['value']:.3f}"
    return f"{cell['value']:.3f} (95% interval {cell['low']:.3f} to {cell['high']:.3f})"


def _roc(read: Sequence[Run], domain: str, place: int) -> Markup:
    scored = {run.method: run.tests[domain] for run in read if domain in run.tests}
    curves = {m: mean_roc([(faces["label"], faces["p_fake"])]) for m, faces in scored.items()}
    return _inline(roc_figure(curves), f"roc{place}")


def _training(read: Sequence[Run]) -> dict[str, Markup]:
    losses = {
        run.method: (run.steps["step"].tolist(), run.steps["loss"].tolist())
        for run in read
        if len(run.steps)
    }
    aucs = {
        run.method: (
            [epoch["epoch"] for epoch in run.epochs],
            [epoch["validation"]["auc"] for epoch in run.epochs],
        )
        for run in read
        if run.epochs
    }
    curves = {}
    if losses:
        curves["Training loss"] = _inline(loss_figure(losses), "loss")
    if aucs:
        curves["AUC on source validation videos"] = _inline(validation_figure(aucs), "validation")
    return curves


def _weighted(run: Run, store: Path) -> dict[str, Any]:
    """Return the learned-weight curve and the gallery of one run that has weights."""
    assert run.weights is not None
    table = weights_by_epoch([run.epochs])
    last = table[table["epoch"] == table["epoch"].max()]
    shown = galleries(run.weights, Store(store))
    totals = {name: int((run.weights["label"] == label).sum()) for name, label in CLASSES.items()}
    return {
        "method": run.method,
        "curve": _inline(weights_figure(table), f"weights-{run.method}") if len(table) else None,
        "means": dict(zip(last["domain"], last["mean"], strict=True)),
        "galleries": {
            name: {"total": totals[name], "faces": faces} for name, faces in shown.items()
        },
    }


def _inline(figure: Figure, prefix: str) -> Markup:
    return Markup(svg(figure, prefix))


def _labelled(svg: Markup, label: str) -> Markup:
    """Give an inline SVG its text alternative."""
    return Markup(str(svg).replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
