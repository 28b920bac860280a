"""The figures that finished runs hold data for, each with its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ltw.bench.corruptions import CORRUPTIONS
from ltw.bench.figures.gallery import WeightedFace, galleries, gallery_figure
from ltw.bench.figures.robustness import CLEAN, mean_robustness, robustness_figure
from ltw.bench.figures.roc import det_figure, mean_roc, roc_figure
from ltw.bench.figures.style import FEW, method_name, pretty
from ltw.bench.figures.sweeps import SHOWN, sweep_figure
from ltw.bench.figures.weights import weights_by_epoch, weights_figure
from ltw.bench.finished import Run
from ltw.bench.robustness import read_robustness
from ltw.bench.wording import span
from ltw.data.store import Store
from ltw.engine.evaluate import domain_faces
from ltw.engine.run import PREDICTIONS, read_log, settings
from ltw.errors import DataError
from ltw.methods import METHODS


@dataclass(frozen=True)
class Plate:
    """A figure and its words; a gallery's faces are kept for the page, which sets them itself."""

    section: str
    title: str
    caption: str
    figure: Figure
    faces: Mapping[str, Sequence[WeightedFace]] | None = None

    @property
    def name(self) -> str:
        """The name of its files, without suffix."""
        return re.sub(r"[^\w=.-]+", "-", f"{self.section}-{self.title}".lower())

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of a page."""
        return bool(self.figure.get_figwidth() > 6)


Job = tuple[str, Callable[[], list[Plate]]]
"""What figures are called, and what makes them or raises `DataError` where their data are missing.
"""

Methods = Mapping[str, Sequence[Run]]
"""Runs by method, one a seed."""


def jobs(runs: Sequence[Run]) -> Iterator[Job]:
    """Yield all figures of sorted ``runs``: by section, then those of sweeps."""
    forgeries = sorted({source for run in runs for source in run.config.sources})
    for section, methods in _sections([run for run in runs if "=" not in run.row.variant]):
        for target in next(iter(methods.values()))[0].targets:
            place = f"{section} on {pretty(target)}"
            yield f"ROC and DET, {place}", partial(_curves, section, target, methods)
            yield f"robustness, {place}", partial(_robustness, section, target, methods)
        for method, own in methods.items():
            if _weighs(own):
                place = f"{section} by {method_name(method)}"
                yield f"learned weights, {place}", partial(_weights, section, own, forgeries)
                yield f"gallery, {place}", partial(_gallery, section, own[0])
    yield from _sweeps(runs)


def _sections(runs: Sequence[Run]) -> Iterator[tuple[str, Methods]]:
    """Yield what is drawn together: the methods on one benchmark, of one variant and setting.

    A method that was run with one setting only stands beside each of those of another.
    """
    places = sorted({(run.benchmark.name, run.row.variant) for run in runs})
    for benchmark, variant in places:
        here = [r for r in runs if (r.benchmark.name, r.row.variant) == (benchmark, variant)]
        for setting in sorted({run.row.settings for run in here} - {""}) or [""]:
            group = [run for run in here if run.row.settings in ("", setting)]
            methods = {m: list(own) for m, own in groupby(group, lambda run: run.row.method)}
            yield " ".join(filter(None, (benchmark, variant, setting))), methods


def _weighs(runs: Sequence[Run]) -> bool:
    return any(
        (run.folder / "weights.parquet").is_file() or run.row.method == "ltw" for run in runs
    )


def _curves(section: str, target: str, methods: Methods) -> list[Plate]:
    curves = {
        method: mean_roc([_scores(run, target) for run in runs]) for method, runs in methods.items()
    }
    words = f"{_test(methods, target)} {_seeds(methods, len(methods))}"
    probit = " Both axes on the probit scale; on the dotted line both errors are equal."
    return [
        Plate(
            section,
            f"ROC on {pretty(target)}",
            f"{words} Beside a name: its AUC.",
            roc_figure(curves),
        ),
        Plate(section, f"DET on {pretty(target)}", words + probit, det_figure(curves)),
    ]


def _scores(run: Run, target: str) -> tuple[Any, Any]:
    """Return the labels and scores of the frames of one target's test."""
    entry = run.targets[target]
    for faces in domain_faces(run.folder / PREDICTIONS)[0].values():
        fake = faces[faces["label"] == 1].iloc[0]
        if all(fake[name] == entry[name] for name in ("dataset", "domain", "compression")):
            return faces["label"], faces["p_fake"]
    raise DataError(f"{run.folder / PREDICTIONS}: holds no test of {target}")


def _robustness(section: str, target: str, methods: Methods) -> list[Plate]:
    measured: dict[str, list[pd.DataFrame]] = {}
    lacking = []
    for method, runs in methods.items():
        tables = [table for run in runs if (table := _corrupted_aucs(run, target)) is not None]
        if len(tables) == len(runs):
            measured[method] = tables
        else:
            lacking.append(method_name(method))
    if not measured:
        raise DataError("not measured; do it: ltw bench robustness")
    words = f"{_test(methods, target)} {_seeds(methods, len(measured))}"
    if len(measured) <= FEW and all(len(tables) == 1 for tables in measured.values()):
        words += " Bands: 95% intervals over test videos."
    if lacking:
        words += f" Not measured in every run, so not drawn: {', '.join(lacking)}."
    figure = robustness_figure({m: mean_robustness(tables) for m, tables in measured.items()})
    return [Plate(section, f"Robustness on {pretty(target)}", words, figure)]


def _corrupted_aucs(run: Run, target: str) -> pd.DataFrame | None:
    """Return the frame AUCs of one target under every condition, the clean one with each."""
    table = read_robustness(run.folder)
    if table is None:
        return None
    entry = run.targets[target]
    for name in ("dataset", "domain", "compression"):
        table = table[table[name] == entry[name]]
    table = table[(table["level"] == "frame") & (table["metric"] == "auc")]
    clean = [
        {"corruption": name, "strength": CLEAN, **entry["frame"]["auc"]} for name in CORRUPTIONS
    ]
    joined: pd.DataFrame = pd.concat([pd.DataFrame(clean), table], ignore_index=True)
    return joined.astype(dict.fromkeys(("value", "low", "high"), float))


def _weights(section: str, runs: Sequence[Run], forgeries: Sequence[str]) -> list[Plate]:
    method = runs[0].row.method
    table = weights_by_epoch([read_log(run.folder) for run in runs])
    if table.empty:
        raise DataError("metrics.jsonl holds no weights")
    seeds = _seeds({method: runs}, 1)
    words = f"Mean weight of the training faces as it weighed their loss, by epoch. {seeds}"
    figure = weights_figure(table, forgeries)
    return [Plate(section, f"Weights learned by {method_name(method)}", words, figure)]


def _gallery(section: str, run: Run) -> list[Plate]:
    path = run.folder / "weights.parquet"
    if not path.is_file():
        raise DataError(f"{path}: missing")
    weights = pd.read_parquet(path)
    store = Store(run.config.store)
    held = store.records["domain"].reindex(weights["index"])
    if held.tolist() != weights["domain"].tolist():
        raise DataError(f"{store.path}: no longer the store that {run.folder.name} was trained on")
    shown = galleries(weights, store)
    words = (
        f"Training faces and what they weigh in training mode, seed {run.seed}: fakes and reals "
        f"apart, at even ranks from the lowest weight to the highest of {len(weights):,}."
    )
    title = f"Gallery of {method_name(run.row.method)}"
    return [Plate(section, title, words, gallery_figure(shown), shown)]


def _sweeps(runs: Sequence[Run]) -> Iterator[Job]:
    swept = [run for run in runs if "=" in run.row.variant]
    if not swept:
        yield "sweeps", partial(_refuse, "no suite with sweeps was run; do it: ltw bench run fig5")

    def kind(run: Run) -> tuple[str, str, str, str]:
        key = run.row.variant.split("=")[0]
        return run.benchmark.name, run.row.method, key, run.row.settings

    for (benchmark, method, key, setting), own in groupby(sorted(swept, key=kind), kind):
        section = f"{benchmark} {setting}".strip()
        joined = [
            run for run in runs if (run.benchmark.name, *run.row[:2]) == (benchmark, method, "")
        ]
        several = list(own)
        for target in several[0].targets:
            name = f"sweep of {key}, {section} on {pretty(target)}"
            yield name, partial(_sweep, section, key, target, several, joined)


def _refuse(reason: str) -> list[Plate]:
    raise DataError(reason)


def _sweep(
    section: str, key: str, target: str, swept: Sequence[Run], base: Sequence[Run]
) -> list[Plate]:
    first = swept[0]
    own_key = f"{METHODS[first.row.method].section}.{key}"  # methods share names of options
    known = settings(first.config)
    dotted = own_key if own_key in known else next(k for k in known if k.split(".")[-1] == key)
    own = {**settings(first.config), dotted: None, "seed": None}
    joined = [r for r in base if {**settings(r.config), dotted: None, "seed": None} == own]
    rows = [
        {"setting": settings(run.config)[dotted], "metric": metric}
        | run.targets[target]["frame"][metric]
        for run in (*swept, *joined)
        for metric in SHOWN
    ]
    table = pd.DataFrame(rows).astype(dict.fromkeys(("value", "low", "high"), float))
    words = (
        f"{_test({first.row.method: [first]}, target)} A dot is a run (one seed) with its 95% "
        "interval over test videos; the line joins the means."
    )
    figure = sweep_figure(table, key, first.row.method)
    return [Plate(section, f"Sweep of {key} on {pretty(target)}", words, figure)]


def _test(methods: Methods, target: str) -> str:
    """Say what was tested on."""
    run = next(iter(methods.values()))[0]
    entry = run.targets[target]
    seen = "seen" if target in run.config.sources else "never seen"
    return (
        f"{entry['frames']:,} single frames of {entry['videos']:,} videos, reals included; "
        f"the forgery was {seen} in training."
    )


def _seeds(methods: Methods, drawn: int) -> str:
    """Say how many seeds there are and what is drawn of them."""
    counts = sorted({len(runs) for runs in methods.values()})
    if counts == [1]:
        return "One seed a method."
    bands = "; the band spans them" if drawn <= FEW else ""
    return f"A line is the mean over {span(counts)} seeds{bands}."
