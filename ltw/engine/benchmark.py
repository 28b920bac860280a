"""Benchmark: what is trained on, and what is tested."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """Train on the forgeries ``sources``, test on each of ``targets``, each with its own reals.

    A target is a domain or, where data sets have forgeries of one name, ``dataset/domain``; a data
    set that is named so is never trained on. ``compression`` None: the one there is.
    """

    name: str
    sources: tuple[str, ...]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    compression: str | None = None

    @property
    def foreign(self) -> frozenset[str]:
        """The data sets that a target names: only tested on."""
        return frozenset(target.split("/")[0] for target in self.targets if "/" in target)

    def is_target(self, target: str, dataset: str, domain: str) -> bool:
        """Whether faces of ``domain`` in ``dataset`` are those that ``target`` means."""
        if "/" in target:
            return target == f"{dataset}/{domain}"
        return target == domain and dataset not in self.foreign

    @property
    def domains(self) -> tuple[str, ...]:
        """The targets' domains, each once."""
        return tuple(dict.fromkeys(target.split("/")[-1] for target in self.targets))
