"""Everything a run needs to go on, in one safetensors file written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict
from safetensors.torch import save_file
from torch import Tensor, nn

from ltw.errors import DataError
from ltw.files import atomic
from ltw.schema import JSONFile
from ltw.tensors import SafetensorError, read_tensors, require_finite

_STATE = "state"
_AGAIN = "delete it; training then goes on from what else the run has, or begins again"


class _State(JSONFile):
    """What a checkpoint's metadata holds; one key, for the order of several is not the same."""

    model_config = ConfigDict(strict=False, allow_inf_nan=True)  # no epoch yet: an AUC of -inf

    progress: dict[str, Any]
    param_groups: list[dict[str, Any]]


def save_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer, progress: Mapping[str, Any]
) -> None:
    """Write networks, optimizer, random state and ``progress`` (JSON values) to ``path``.

    Equal states give equal bytes.

    Raises:
        DataError: a tensor is not finite; the checkpoint before it is kept.
    """
    state = optimizer.state_dict()
    tensors = {f"method/{name}": t for name, t in method.state_dict().items()}
    for index, values in state["state"].items():
        tensors |= {f"optimizer/{index}/{name}": t for name, t in values.items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    require_finite(tensors, str(path), "it is not written, the one before it is kept")
    known = {"progress": dict(progress), "param_groups": state["param_groups"]}
    metadata = {_STATE: json.dumps(known)}
    with atomic(path) as part:
        save_file({name: t.contiguous() for name, t in tensors.items()}, part, metadata)


def load_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> dict[str, Any]:
    """Restore what `save_checkpoint` wrote and return its ``progress``.

    Without ``optimizer`` only the networks are restored, not the random state.

    Raises:
        DataError: the file is missing or damaged, holds values that are not finite, or is of
            another method or backbone.
    """
    try:
        tensors, metadata = read_tensors(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{path}: no usable checkpoint ({error})") from None
    require_finite(tensors, str(path), _AGAIN)
    state = _state_of(metadata, path)
    try:
        method.load_state_dict(_below(tensors, "method"))
    except RuntimeError:  # its message lists every tensor
        raise DataError(f"{path}: of another method or backbone") from None
    if optimizer is not None:
        try:
            _restore_optimizer(optimizer, tensors, state.param_groups)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise DataError(f"{path}: damaged (optimizer: {error!r}); {_AGAIN}") from None
    return state.progress


def _restore_optimizer(
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, Tensor],
    groups: Sequence[Mapping[str, Any]],
) -> None:
    """Restore the optimizer and the random state."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below(tensors, "optimizer").items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": list(groups)})
    for parameter, values in optimizer.state.items():
        for name, tensor in values.items():
            if tensor.shape == parameter.shape:  # files hold no memory format; Adam wants one
                values[name] = torch.empty_like(parameter).copy_(tensor)
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])


def _state_of(metadata: Mapping[str, str], path: Path) -> _State:
    """Read a checkpoint's metadata; those of earlier versions have a key for each part."""
    text = metadata.get(_STATE) or (
        f'{{"progress": {metadata.get("progress", "null")}, '
        f'"param_groups": {metadata.get("param_groups", "null")}}}'
    )
    return _State.parse(text, str(path), _AGAIN)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
