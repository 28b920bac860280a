"""Leave one forgery out: methods trained on the others, then measured on the one unseen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ltw.bench.figures import comparison_figure
from ltw.bench.report import collect_results, write_report
from ltw.config import Config
from ltw.engine.run import CONFIG, METRICS, evaluate_run, require_config
from ltw.engine.train import train
from ltw.errors import ConfigError
from ltw.files import atomic, write_text


def run_method(config: Config, method: str, out: Path) -> None:
    """Train ``method`` as ``config`` says into ``out``/runs/METHOD and measure it there.

    A finished run is kept and a cut-off one goes on, so the call can be repeated.

    Raises:
        LTWError: as training and evaluation do.
    """
    run, tested = out / "runs" / method, [_target(config), *config.sources]
    config = config.model_copy(update={"method": method})
    if (run / METRICS).exists():
        require_config(run, config)
        return
    train(config, run, resume=(run / CONFIG).exists())
    evaluate_run(run, [config.store], tested)


def write_results(
    config: Config,
    methods: Sequence[str],
    out: Path,
    *,
    title: str,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Write results.json, report.html and comparison.png of finished runs into ``out``.

    Returns what results.json holds.

    Raises:
        DataError: a run is incomplete, or was not measured on the target.
    """
    runs = {method: out / "runs" / method for method in methods}
    target = _target(config)
    results = collect_results(runs, sources=config.sources, target=target, seconds=seconds)
    write_text(out / "results.json", json.dumps(results, indent=2) + "\n")
    write_report(
        out / "report.html",
        runs,
        store=config.store,
        sources=config.sources,
        target=target,
        title=title,
        seconds=seconds,
    )
    with atomic(out / "comparison.png") as part:
        comparison_figure(results).savefig(part, format="png", dpi=150)
    return results


def _target(config: Config) -> str:
    if config.target is None:
        raise ConfigError("target is missing: name the forgery to leave out")
    return config.target
