"""One frozen, validated description of an experiment: a TOML file, saved with its run."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import tomli_w
from pydantic import Field, create_model, model_validator

from ltw.errors import ConfigError
from ltw.methods import METHODS, method_sections
from ltw.sections import DetectorConfig, Section, validate

__all__ = [
    "Config",
    "DetectorConfig",
    "ReleaseConfig",
    "TrainingConfig",
    "load_config",
    "parse_config",
    "parse_override",
    "set_key",
]


if TYPE_CHECKING:

    class MethodSections(Section):
        """A table for every method with options."""

else:  # a table for every section that a method names, each with its defaults
    MethodSections = create_model(
        "MethodSections",
        __base__=Section,
        **{name: (options, options()) for name, options in method_sections().items()},
    )


class TrainingConfig(Section):
    """The loop, shared by all methods."""

    epochs: int = Field(default=10, ge=1, le=1_000_000)
    steps_per_epoch: int | None = Field(default=None, ge=1, le=10_000_000)
    """Default: as many as drawing every source fake once takes."""
    batch_size: int = Field(default=25, ge=2, le=65_536)
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's, for θ."""
    weight_learning_rate: float = Field(default=1e-3, gt=0)
    """φ, Adam's for w."""
    lr_step_epochs: int = Field(default=5, ge=1, le=1_000_000)
    lr_gamma: float = Field(default=0.1, gt=0, le=1)
    selection: Literal["last", "best"] = "best"
    """The epoch that is released: the last (the paper), or that of the best validation AUC."""
    recompute_batch_norm: bool = False
    """Before validation, take BatchNorm's statistics anew from training faces of all sources."""
    checkpoint_minutes: float = Field(default=5.0, gt=0, le=525_600)
    """Between epochs, save at least this often, so that a kill costs little."""
    workers: int = Field(default=1, ge=0, le=1024)
    """Processes that read and decode batches ahead of the step."""
    threads: int | None = Field(default=None, ge=1, le=1024)
    """PyTorch's threads; default: all cores. A run goes on with as many as it began with."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|(cuda|mps|xpu)(:[0-9]{1,3})?)$")
    """``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, ..."""


class ReleaseConfig(Section):
    """What is decided when the best detector is released (see docs/release.md)."""

    false_positive_rate: float = Field(default=0.05, ge=0, lt=1)
    """Share of genuine validation faces that the released threshold may call forged."""
    miss_rate: float = Field(default=0.05, ge=0, lt=1)
    """Share of forged validation faces of which the release may say that there is no sign of it."""


class Config(MethodSections):
    """An experiment: data, method, detector, training, release, and the sections of all methods.

    Each method declares its own section in its file (`Method.Options`): ``config.ltw.alpha``.
    """

    store: Path
    """Folder of faces (`ltw extract`); a relative path counts from the TOML file."""
    sources: tuple[str, ...] = Field(min_length=1)
    """Domains (forgery methods) to train on; their reals come with them."""
    target: str | None = None
    """The unseen domain: never read in training, named in reports."""
    compression: str | None = None
    """Train on this compression only; default: all that the store holds."""
    method: str = "ltw"
    seed: int = Field(default=0, ge=0, lt=2**63)
    detector: DetectorConfig = DetectorConfig()
    training: TrainingConfig = TrainingConfig()
    release: ReleaseConfig = ReleaseConfig()

    @model_validator(mode="after")
    def _names_are_sound(self) -> Self:
        if "\0" in str(self.store):
            raise ValueError(f"store {str(self.store)!r} has a NUL in its name: no folder has")
        if self.target in self.sources:
            raise ValueError(f"target {self.target!r} is also a source: it would not be unseen")
        if len(set(self.sources)) < len(self.sources):
            raise ValueError(f"sources {list(self.sources)} name a domain twice")
        return self

    @property
    def options(self) -> Section:
        """The section of the method that is trained; an empty one where it has none."""
        section = METHODS[self.method].section
        return Section() if section is None else getattr(self, section)

    def to_toml(self) -> str:
        """Return the whole config, defaults included, as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read an experiment file, then apply ``key=value`` overrides (``training.epochs=3``).

    A relative store counts from the file, and from the current folder where it is an override.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest is named) or a
            value is out of range.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such experiment file; configs/ has examples") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; give the TOML file of an experiment") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # not TOML, not UTF-8, a name with NUL, an endless integer
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: nested too deeply") from None
    for override in overrides:
        set_key(values, *parse_override(override))
    config = parse_config(values, str(path))
    overridden = any(override.partition("=")[0].strip() == "store" for override in overrides)
    base = Path.cwd() if overridden else path.parent
    return config.model_copy(update={"store": base / config.store})


def parse_config(values: dict[str, Any], name: str) -> Config:
    """Validate a config given as nested dicts; ``name`` says in errors where it came from.

    Raises:
        ConfigError: one line for every key that is wrong.
    """
    return validate(Config, values, name)


def parse_override(override: str) -> tuple[str, Any]:
    """Read ``key=value``: the dotted key and its value, which is TOML or else a bare word.

    Raises:
        ConfigError: there is no ``=``.
    """
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"--set {override!r}: expected key=value, as in training.epochs=3")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text  # a bare word is a string
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--set {key.strip()}: no value ({error})") from None


def set_key(values: dict[str, Any], key: str, value: object) -> None:
    """Set a dotted key (``training.epochs``) in nested dicts.

    Raises:
        ConfigError: a part of the key before the last is a value already.
    """
    *tables, last = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{key} = {value!r}: {table!r} is a value, not a table")
    values[last] = value
