"""Tensors on disk: what is not finite is neither written nor believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ltw.errors import DataError


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file by name, and its metadata.

    Raises:
        OSError, SafetensorError: the file is missing or damaged.
    """
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, file.metadata() or {}


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of those that hold NaN or infinity."""
    floating = {
        n: t for n, t in tensors.items() if t.is_floating_point() and t.numel() and not t.is_meta
    }
    if not floating:
        return []
    # the largest magnitude of each: NaN wins, nothing overflows, one answer from the device
    norms = torch._foreach_norm(list(floating.values()), float("inf"))
    sound = torch.stack([norm.double().cpu() for norm in norms]).isfinite()
    return [name for name, good in zip(floating, sound.tolist(), strict=True) if not good]


def require_finite(tensors: Mapping[str, Tensor], where: str, fix: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        DataError: naming the file, a tensor and what to do.
    """
    if bad := not_finite(tensors):
        raise DataError(
            f"{where}: {len(bad)} of {len(tensors)} tensors hold values that are not finite, "
            f"first {bad[0]}; {fix}"
        )


__all__ = ["SafetensorError", "not_finite", "read_tensors", "require_finite"]
