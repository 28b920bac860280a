"""Training settings in words, and how far they are from the paper's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ltw.bench.suites import METHOD_SETTINGS, PAPER_SETTINGS
from ltw.config import Config, parse_config, set_key
from ltw.engine.settings import run_settings
from ltw.labels import plural
from ltw.results.runs import Run

NOT_COMPARED = ("seed", "sources", "target", "compression", "method")
NO_DEPARTURE = ("second_order", "checkpoint_minutes")
"""How a derivative is taken and how often a run is saved: no setting of the paper's."""


def describe_training(runs: Sequence[Run]) -> str:
    """Say how ``runs`` were trained: backbone, image size, epochs, steps, batch, seeds, selection.

    Values in which they differ are joined by "or".
    """
    configs = [run.config for run in runs]
    seeds = len({run.seed for run in runs})
    trained = [config for config in configs if config.method != "basemodel"] or configs
    words = [
        _any(config.detector.backbone for config in configs),
        f"{_any(config.detector.image_size for config in configs)} px",
        _any(_length(config) for config in trained),
        f"batches of {_any(config.training.batch_size for config in trained)}",
        plural(seeds, "seed"),
    ]
    return ", ".join(words)


def _length(config: Config) -> str:
    steps = config.training.steps_per_epoch
    each = f"of {plural(steps, 'step')}" if steps else "over every fake"
    return f"{plural(config.training.epochs, 'epoch')} {each}"


def _any(values: Iterator[Any]) -> str:
    return " or ".join(dict.fromkeys(map(str, values)))


def selection_rule(config: Config) -> str:
    """Return which epoch a run released: ``best`` by source validation, or ``last``."""
    return config.training.selection


def departures(config: Config, variant: str = "") -> list[str]:
    """Return where a run's settings are not those of the paper's suites: ``key = value (paper's)``.

    A backbone that names the run's ``variant`` is none. The paper does not say for how many epochs
    it trained; those are this project's choice.
    """
    values: dict[str, Any] = {"store": config.store, "sources": config.sources}
    for key, value in {**METHOD_SETTINGS.get(config.method, {}), **PAPER_SETTINGS}.items():
        set_key(values, key, value)
    if variant == config.detector.backbone:
        set_key(values, "detector.backbone", variant)
    paper, own = run_settings(parse_config(values, "the paper's settings")), run_settings(config)
    return [
        f"{key} = {own[key]} ({paper.get(key)})"
        for key in own
        if own[key] != paper.get(key)
        and key not in NOT_COMPARED
        and key.split(".")[-1] not in NO_DEPARTURE
    ]
