"""Leave each forgery of a store out in turn: ERM and LTW on the others, tested on the one unseen.

    python benchmarks/rotations.py STORE --out DIR [--jobs 2]

Every rotation gets DIR/TARGET/results.json and report.html; DIR/table.md gathers them. Runs are
kept when finished and go on when cut off. The settings below were fixed before any test score was
seen, and are the same for both methods.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from joblib import Parallel, delayed

from ltw.bench.rotation import run_method, write_results
from ltw.config import Config, DetectorConfig, TrainingConfig
from ltw.data.store import Store
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
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs at once, one thread each"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    records = Store(args.store).records
    forgeries = sorted(set(records.loc[records["label"] == 1, "domain"]))
    rotations = {target: rotation(args.store, forgeries, target, args.seed) for target in forgeries}
    Parallel(n_jobs=args.jobs)(
        delayed(run_method)(config, method, args.out / target)
        for target, config in rotations.items()
        for method in reversed(METHODS)  # the long ones first
    )
    results = {
        target: write_results(config, METHODS, args.out / target, title=f"Unseen: {target}")
        for target, config in rotations.items()
    }
    text = table(results) + "\n" + differences(args.out, list(results))
    (args.out / "table.md").write_text(text)
    (args.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(text)


def rotation(store: Path, forgeries: list[str], target: str, seed: int) -> Config:
    """The experiment that leaves ``target`` out."""
    return Config(
        store=store.resolve(),
        sources=tuple(name for name in forgeries if name != target),
        target=target,
        seed=seed,
        detector=DetectorConfig(backbone="tf_efficientnet_lite0", image_size=112),
        training=TrainingConfig(epochs=10, steps_per_epoch=25, threads=1, workers=0),
    )


def table(results: dict[str, Any]) -> str:
    """Markdown: the unseen forgery at frame and video level, then the sources' mean AUC."""
    head = ["unseen forgery", "method", *METRICS.values(), "video AUC", "sources' AUC (mean)"]
    rows = [" | ".join(head), " | ".join("---" for _ in head)]
    for target, result in results.items():
        for method in METHODS:
            domains = result["methods"][method]["domains"]
            unseen = domains[target]
            sources = [domains[name]["frame"]["auc"]["value"] for name in result["sources"]]
            cells = [cell(unseen["frame"][metric]) for metric in METRICS]
            cells += [cell(unseen["video"]["auc"]), f"{sum(sources) / len(sources):.3f}"]
            rows.append(" | ".join([target, NAMES[method], *cells]))
    return "".join(f"| {row} |\n" for row in rows)


def differences(out: Path, targets: list[str]) -> str:
    """Markdown: LTW's AUC minus ERM's on each unseen forgery, both on the same drawn videos."""
    rows = ["LTW - ERM, unseen forgery | frame AUC | video AUC", "--- | --- | ---"]
    for target in targets:
        faces = []
        for method in METHODS:
            predictions = out / target / "runs" / method / PREDICTIONS
            faces.append(domain_faces(predictions)[0][target].sort_values("index"))
        first, second = faces
        common = (first["label"], first["p_fake"], second["p_fake"], first["video"])
        bounds = bootstrap_difference(*common)
        y, p_erm, p_ltw, videos = common
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


def cell(value: dict[str, float | None]) -> str:
    """A value with its 95% interval."""
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


if __name__ == "__main__":
    main()
