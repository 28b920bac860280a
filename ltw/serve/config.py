"""Configuration of a service: a TOML file, command-line options before it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from ltw.errors import ConfigError, did_you_mean
from ltw.parallel import cores
from ltw.serve.limits import STRICT, Limits


class ServeConfig(BaseModel):
    """Configuration of ``ltw serve``; docs/serve.md lists every key."""

    model_config = STRICT

    model: str
    """A run's folder, a released folder or an ONNX file, counted from the TOML file; or hf://."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0: any that is free."""
    allow_host: tuple[str, ...] = ()
    """Host names to answer to, beside `host`, localhost and addresses."""
    workers: int = Field(default_factory=lambda: min(2, cores()), ge=1)
    """Processes that score; each has the model in memory."""
    grace: float = Field(default=30, ge=0)
    """Seconds to finish accepted files when told to end."""
    limits: Limits = Limits()
    """What one file may ask of the service."""


def load_serve_config(path: Path | None, options: Mapping[str, Any]) -> ServeConfig:
    """Read a configuration file, and put ``options`` (dotted keys; None: not given) before it.

    Raises:
        ConfigError: the file cannot be read or is not TOML; or one line for every key that is
            unknown (the nearest is named), missing or out of range.
    """
    values = {} if path is None else _read(path)
    for key, value in options.items():
        if value is not None:
            *tables, last = key.split(".")
            table = values
            for name in tables:
                inner = table.setdefault(name, {})
                table = inner if isinstance(inner, dict) else {}  # told below, as any wrong value
            table[last] = value
    try:
        return ServeConfig.model_validate(values)
    except ValidationError as error:
        where = "" if path is None else f"{path}: "
        lines = [where + _explain(details) for details in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    model = values.get("model")
    if isinstance(model, str) and not model.startswith("hf://"):
        values["model"] = str(path.parent / model)
    return values


def _explain(details: ErrorDetails) -> str:
    *tables, last = map(str, details["loc"])
    key = ".".join([*tables, last])
    if details["type"] == "extra_forbidden":
        keys = (Limits if tables == ["limits"] else ServeConfig).model_fields
        return f"unknown key {key!r}{did_you_mean(last, keys)}"
    if details["type"] == "missing":
        return f"{key} is missing: give it as --{key}, or in the file of --config"
    return f"{key} = {details['input']!r}: {details['msg']}"
