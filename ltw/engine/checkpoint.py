"""Everything a run needs to go on, in one safetensors file written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ltw.errors import DataError
from ltw.files import atomic


def save_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer, progress: Mapping[str, Any]
) -> None:
    """Write networks, optimizer, random state and ``progress`` (JSON values) to ``path``."""
    state = optimizer.state_dict()
    tensors = {f"method/{name}": t for name, t in method.state_dict().items()}
    for index, values in state["state"].items():
        tensors |= {f"optimizer/{index}/{name}": t for name, t in values.items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    metadata = {
        "progress": json.dumps(dict(progress)),
        "param_groups": json.dumps(state["param_groups"]),
    }
    with atomic(path) as part:
        save_file({name: t.contiguous() for name, t in tensors.items()}, part, metadata)


def load_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> dict[str, Any]:
    """Restore what `save_checkpoint` wrote and return its ``progress``.

    Without ``optimizer`` only the networks are restored, not the random state.

    Raises:
        DataError: the file is missing or damaged, or is of another method or backbone.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: no usable checkpoint ({error})") from None
    try:
        method.load_state_dict(_below(tensors, "method"))
    except RuntimeError:  # its message lists every tensor
        raise DataError(f"{path}: of another method or backbone") from None
    if optimizer is not None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below(tensors, "optimizer").items():
            index, _, key = name.partition("/")
            state.setdefault(int(index), {})[key] = tensor
        groups = json.loads(metadata["param_groups"])
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        for parameter, values in optimizer.state.items():
            for name, tensor in values.items():
                if tensor.shape == parameter.shape:  # files hold no memory format; Adam wants one
                    values[name] = torch.empty_like(parameter).copy_(tensor)
        torch.set_rng_state(tensors["random/cpu"])
        if "random/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random/cuda"])
    progress: dict[str, Any] = json.loads(metadata["progress"])
    return progress


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
