"""Leave one forgery out: every method trained on the others, then measured on the one unseen."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ltw.bench.figures import comparison_figure
from ltw.bench.report import collect_results, write_report
from ltw.config import Config
from ltw.engine.evaluate import atomic
from ltw.engine.run import METRICS, evaluate_run
from ltw.engine.train import train


def run_rotation(
    config: Config, methods: Sequence[str], out: Path, *, title: str, started: float | None = None
) -> dict[str, Any]:
    """Train ``methods`` as ``config`` says, measure them, and write results.json and report.html.

    ``config.target`` is the unseen forgery. Runs lie in ``out``/runs/METHOD; finished ones are
    kept and cut-off ones go on, so the call can be repeated. ``started`` (`time.monotonic`) counts
    the seconds of the results from an earlier stage. Returns what results.json holds.

    Raises:
        LTWError: as training and evaluation do.
    """
    assert config.target is not None
    started = time.monotonic() if started is None else started
    runs = {method: out / "runs" / method for method in methods}
    for method, run in runs.items():
        if (run / METRICS).exists():
            continue
        chosen = config.model_copy(update={"method": method})
        train(chosen, run, resume=(run / "config.toml").exists())
        evaluate_run(run, config.store, [config.target, *config.sources])
    seconds = round(time.monotonic() - started, 1)
    names = {"sources": list(config.sources), "target": config.target, "seconds": seconds}
    results = collect_results(runs, **names)  # type: ignore[arg-type]
    with atomic(out / "results.json") as part:
        part.write_text(json.dumps(results, indent=2) + "\n")
    write_report(out / "report.html", runs, store=config.store, title=title, **names)  # type: ignore[arg-type]
    with atomic(out / "comparison.png") as part:
        comparison_figure(results).savefig(part, format="png", dpi=150)
    return results
