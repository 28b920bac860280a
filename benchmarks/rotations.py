"""Leave each forgery of a store out in turn: ERM and LTW on the others, tested on the one unseen.

    python benchmarks/rotations.py STORE --out DIR [--jobs 2]

Runs lie in DIR/runs, are kept when finished and go on when cut off; DIR/table.md gathers them. The
settings are those of `ltw bench run synthetic`, the same for both methods.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pandas as pd

from ltw.bench.plan import Run, forgeries, plan
from ltw.bench.records import collect
from ltw.bench.runner import run_all
from ltw.bench.suites import SMALL, find_suite
from ltw.engine.evaluate import domain_faces
from ltw.engine.run import PREDICTIONS
from ltw.metrics import auc, bootstrap_difference, video_scores

METHODS = ("alltrain", "ltw")
NAMES = {"alltrain": "ERM", "ltw": "LTW"}
METRICS = {"acc": "ACC", "log_loss": "log loss", "auc": "AUC", "eer": "EER"}


def main() -> None:
    """Run every rotation and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at once")
    args = parser.parse_args()
    suite = find_suite("leave-one-out", forgeries([args.store])).only(METHODS)
    everywhere = tuple(replace(b, targets=b.targets + b.sources) for b in suite.benchmarks)
    suite = replace(suite, benchmarks=everywhere, settings={**SMALL, "training.workers": 0})
    runs = plan(suite, [args.store], args.out)
    if failures := run_all(runs, jobs=args.jobs):
        raise SystemExit("\n".join(f"{name}: {reason}" for name, reason in failures.items()))
    text = table(runs, collect(args.out)) + "\n" + differences(runs)
    (args.out / "table.md").write_text(text)
    print(text)


def table(runs: list[Run], figures: pd.DataFrame) -> str:
    """Markdown: the unseen forgery at frame and video level, then the sources' mean AUC."""
    head = ["unseen forgery", "method", *METRICS.values(), "video AUC", "sources' AUC (mean)"]
    rows = [" | ".join(head), " | ".join("---" for _ in head)]
    for run in runs:
        own = figures[figures["run"] == run.folder.name].set_index(["target", "level", "metric"])
        unseen = str(run.config.target)
        cells = [cell(own.loc[(unseen, "frame", metric)]) for metric in METRICS]
        sources = [own.loc[(name, "frame", "auc"), "value"] for name in run.config.sources]
        cells += [cell(own.loc[(unseen, "video", "auc")]), f"{sum(sources) / len(sources):.3f}"]
        rows.append(" | ".join([unseen, NAMES[run.config.method], *cells]))
    return "".join(f"| {row} |\n" for row in rows)


def differences(runs: list[Run]) -> str:
    """Markdown: LTW's AUC minus ERM's on each unseen forgery, both on the same drawn videos."""
    rows = ["LTW - ERM, unseen forgery | frame AUC | video AUC", "--- | --- | ---"]
    for erm_run, ltw_run in zip(runs[::2], runs[1::2], strict=True):  # the suite's order
        target = str(erm_run.config.target)
        first, second = (
            domain_faces(run.folder / PREDICTIONS)[0][target].sort_values("index")
            for run in (erm_run, ltw_run)
        )
        y, p_erm, p_ltw, videos = (
            first["label"],
            first["p_fake"],
            second["p_fake"],
            first["video"],
        )
        bounds = bootstrap_difference(y, p_erm, p_ltw, videos)
        _, video_y, erm = video_scores(y, p_erm, videos)
        _, _, ltw = video_scores(y, p_ltw, videos)
        values = {
            "frame": auc(y, p_ltw) - auc(y, p_erm),
            "video": auc(video_y, ltw) - auc(video_y, erm),
        }
        cells = [
            "{:+.3f} [{:+.3f}, {:+.3f}]".format(values[at], *bounds[at]["auc"]) for at in values
        ]
        rows.append(" | ".join([target, *cells]))
    return "".join(f"| {row} |\n" for row in rows)


def cell(value: pd.Series[float]) -> str:
    """A value with its 95% interval."""
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


if __name__ == "__main__":
    main()
