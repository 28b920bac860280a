"""Sections of an experiment file: what each may hold is declared where it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ltw.errors import ConfigError, did_you_mean


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class DetectorConfig(Section):
    """The detector f(θ)."""

    backbone: str = "efficientnet_b0"
    """Any timm model with a feature map."""
    pretrained: bool = True
    """Start from ImageNet weights."""
    image_size: int = Field(default=224, ge=32, le=1024)
    """Side of the input in pixels; crops are resized to it."""


SHOWN = 200

S = TypeVar("S", bound=BaseModel)


def validate(kind: type[S], values: Mapping[str, Any], name: str) -> S:
    """Return ``values`` as a section of this ``kind``; ``name`` says in errors whose they are.

    Raises:
        ConfigError: one line for every key that is wrong.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        lines = [_explain(kind, e["type"], e["loc"], e["msg"], e["input"]) for e in error.errors()]
        raise ConfigError("\n".join(f"{name}: {line}" for line in lines)) from None


def _explain(
    section: type[BaseModel], kind: str, where: tuple[int | str, ...], message: str, value: object
) -> str:
    key = ".".join(map(str, where))
    if kind == "extra_forbidden":
        return f"unknown key {key!r}{did_you_mean(str(where[-1]), _keys(section, where[:-1]))}"
    if kind == "missing":
        return f"the key {key!r} is missing"
    reason = message.removeprefix("Value error, ")
    if kind == "literal_error":
        near = get_close_matches(str(value), re.findall("'([^']*)'", reason), n=1, cutoff=0.5)
        reason += f"; did you mean {near[0]!r}?" if near else ""
    return f"{key} = {_shown(value)}: {reason}" if key else reason


def _shown(value: object) -> str:
    """Return a value as a message shows it: of one without end, the beginning."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no integer of more than 4300 digits
        return "a value too long to be shown"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _keys(section: type[BaseModel], tables: tuple[int | str, ...]) -> list[str]:
    for table in tables:
        kind = section.model_fields[str(table)].annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        section = kind
    return list(section.model_fields)
