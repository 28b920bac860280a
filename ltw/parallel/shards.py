"""Shard: the part of a list of items that one job of a batch scheduler does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ltw.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Shard ``index`` of ``count``, counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``"i/n"``.

        Raises:
            ConfigError: it is not of that form, or i is not in 1 to n.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        shard = cls(int(match[1]), int(match[2])) if match else None
        if shard is None or not 1 <= shard.index <= shard.count:
            raise ConfigError(f"shard: {text!r}; write i/n with i from 1 to n, as in 3/8")
        return shard

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Return this job's items, every ``count``-th; the jobs' parts are disjoint and make all.

        ``items`` must be in the same order in every job.
        """
        return items[self.index - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
