"""A released detector's README.md: what it is, how it was measured, and what it cannot say.

In the model card format of the Hugging Face Hub (Mitchell et al., FAccT 2019): a YAML head, then
text. Every figure comes from the run; what was not measured is said to be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
import tomli_w
from huggingface_hub import EvalResult, ModelCardData

from ltw.config import Config
from ltw.engine.release import release_notes
from ltw.methods import METHODS, method_sections

LEVELS = ("frame", "video")
HUB_METRICS = {"auc": ("roc_auc", "AUC"), "acc": ("accuracy", "accuracy at 0.5")}
"""Our metrics that the hub knows, by its name and a readable one."""


def write_card(
    name: str, config: Config, release: Mapping[str, Any], measured: Mapping[str, Any] | None
) -> str:
    """Return the card as Markdown.

    Args:
        name: of the detector.
        config: of its run.
        release: what its detector.json holds.
        measured: the run's metrics.json (`ltw.engine.evaluate.measure`); None where it was not
            evaluated.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ltw.engine"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    domains = {} if measured is None else measured["domains"]
    return environment.get_template("model_card.md.j2").render(
        name=name,
        head=_head(name, domains).to_yaml(),
        config=config,
        settings=tomli_w.dumps(_settings(config)),
        method=(METHODS[config.method].__doc__ or "").partition("\n")[0],
        release=release,
        notes=list(release_notes(release)),
        domains={key: values | {"seen": _seen(values, release)} for key, values in domains.items()},
        remarks=[] if measured is None else measured["notes"],
        figure=_figure,
    )


def _head(name: str, domains: Mapping[str, Any]) -> ModelCardData:
    """Return the hub's metadata; the licence is left to whoever publishes."""
    results = [
        EvalResult(
            task_type="image-classification",
            task_name="face-forgery detection",
            dataset_type=values["dataset"],
            dataset_name=f"{values['dataset']} {values['domain']} {values['compression']}",
            dataset_config=f"{values['domain']} {values['compression']}",  # else the hub merges all
            dataset_split="test",
            metric_type=metric,
            metric_name=f"{level} {readable}",
            metric_value=round(values[level][key]["value"], 4),
        )
        for values in domains.values()
        for level in LEVELS
        for key, (metric, readable) in HUB_METRICS.items()
    ]
    return ModelCardData(
        library_name="ltw",
        pipeline_tag="image-classification",
        tags=["face-forgery-detection", "deepfake-detection", "ltw"],
        license="other",
        license_name="to-be-chosen",
        model_name=name if results else None,
        eval_results=results or None,
    )


def _settings(config: Config) -> dict[str, Any]:
    """Return the config less where its faces lay and the options of other methods."""
    values = config.model_dump(mode="json", exclude_none=True, exclude={"store"})
    others = method_sections().keys() - {METHODS[config.method].section}
    return {key: value for key, value in values.items() if key not in others}


def _seen(values: Mapping[str, Any], release: Mapping[str, Any]) -> str:
    """Say whether training saw a forgery; of another data set or compression, it saw it in part."""
    keys = ("dataset", "domain", "compression")
    trained = {tuple(row[key] for key in keys) for row in release["data"]}
    if tuple(values[key] for key in keys) in trained:
        return "seen"
    if values["domain"] in release["sources"]:
        return "seen, but in other data"
    return "unseen"


def _figure(value: Mapping[str, float | None]) -> str:
    """Write a metric with its interval, where it has one."""
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
