"""Settings of a run: what it depends on, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ltw.config import Config

THREADS = "training.threads"
"""How a sum is split, and so its last bits: no setting of an experiment, but the same to its end.

A run records the number that it began with and goes on with it.
"""
CIRCUMSTANCES = {
    "store",
    "training.workers",
    "training.device",
    "release.false_positive_rate",
    "release.miss_rate",
    THREADS,
}
"""Keys that do not make a run another experiment; all but `THREADS` may differ when it goes on.

All others are what it is. Results do not depend on where the store lies and how many processes read
it; on another device they differ in their last bits, which nobody can help.
"""


def run_settings(config: Config) -> dict[str, Any]:
    """Return what makes a run the run it is, by dotted key: all but `CIRCUMSTANCES`."""
    values = dict(_flat(config.model_dump(mode="json")))
    return {key: value for key, value in values.items() if key not in CIRCUMSTANCES}


def settings_hash(config: Config) -> str:
    """Return 8 hexadecimal digits that differ where `run_settings` do.

    Defaults do not count, so that a version with one more setting knows a suite's older runs.
    """
    usual = run_settings(Config(store=config.store, sources=config.sources))
    chosen = {key: v for key, v in run_settings(config).items() if usual[key] != v}
    text = json.dumps({**chosen, "sources": config.sources}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested tables."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
