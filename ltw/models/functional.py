"""Functional passes at parameters other than a module's own; directional derivatives.

The passes at θ, θ' and θ + εv must see the same function: buffers (BatchNorm's running statistics)
are read from copies, so only a module's own forward moves them, and dropout can be replayed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

Params = dict[str, Tensor]
WeightedLoss = Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]]
"""θ -> (T(θ), the losses L_1..L_K (K,) it is made of)."""


def gradients(output: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return d output / d input, zeros for inputs that ``output`` does not depend on."""
    return list(torch.autograd.grad(output, inputs, allow_unused=True, materialize_grads=True))


def norm(direction: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of a direction, all its tensors together."""
    norms = torch.stack([torch.linalg.vector_norm(d) for d in direction])
    return float(torch.linalg.vector_norm(norms))


def forward_at(module: nn.Module, params: Mapping[str, Tensor], *inputs: Tensor) -> Any:
    """Run ``module`` at ``params`` (by name); its own parameters and buffers stay untouched."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    return torch.func.functional_call(module, {**buffers, **params}, inputs)


def step_along(params: Mapping[str, Tensor], direction: list[Tensor], length: float) -> Params:
    """Return params + length · direction, as leaves that require gradients (Eq. 2: length = -α)."""
    return {
        # a copy keeps the parameter's strides, which a sum need not, and convolutions care
        name: p.detach().clone().add_(d, alpha=length).requires_grad_()
        for (name, p), d in zip(params.items(), direction, strict=True)
    }


def random_state(device: torch.device) -> list[Tensor]:
    """Return the state of the generators that dropout on ``device`` draws from."""
    state = [torch.get_rng_state()]
    return [*state, torch.cuda.get_rng_state(device)] if device.type == "cuda" else state


@contextmanager
def replayed(state: list[Tensor], device: torch.device) -> Iterator[None]:
    """Draw inside the block what was drawn after ``state`` was taken; then go on as before."""
    now = random_state(device)
    _set_random_state(state, device)
    try:
        yield
    finally:
        _set_random_state(now, device)


def _set_random_state(state: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(state[0])
    if len(state) > 1:
        torch.cuda.set_rng_state(state[1], device)


def exact_derivative(
    loss: WeightedLoss, params: Params, direction: list[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Return (∇²T·v, (∇L_i·v) (K,)) at ``params`` along v = ``direction``: forward over reverse.

    One forward-mode pass through the gradient gives both parts (method.md, second order).
    """

    def gradient_and_losses(at: Params) -> tuple[Params, Tensor]:
        return torch.func.grad(loss, has_aux=True)(at)  # type: ignore[no-any-return]

    _load_forward_mode()
    primal = {name: p.detach() for name, p in params.items()}
    tangent = dict(zip(params, direction, strict=True))
    _, (hessian_vector, slopes) = torch.func.jvp(  # type: ignore[misc]
        gradient_and_losses, (primal,), (tangent,)
    )
    return list(hessian_vector.values()), slopes


@cache
def _load_forward_mode() -> None:
    """Load PyTorch's forward-mode rules, which it does at the first dual number of a process.

    It compiles some of them by its own deprecated `torch.jit.script`, and warns the user of that.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script` is", FutureWarning)
        with forward_ad.dual_level():
            forward_ad.make_dual(torch.zeros(1), torch.zeros(1))  # type: ignore[no-untyped-call]


def finite_difference(
    loss: WeightedLoss,
    params: Params,
    direction: list[Tensor],
    gradient: list[Tensor],
    losses: Tensor,
    distance: float,
) -> tuple[list[Tensor], Tensor]:
    """Return what `exact_derivative` does, from one more forward and backward at θ + εv.

    ``gradient`` and ``losses`` are ∇T and L_i at ``params``, as the first pass gave them;
    ``distance`` is |εv|, see `step_length`.
    """
    length = norm(direction)
    if not length:
        return [torch.zeros_like(d) for d in direction], torch.zeros_like(losses)
    epsilon = distance / length
    ahead = step_along(params, direction, epsilon)
    total, losses_ahead = loss(ahead)
    gradient_ahead = gradients(total, list(ahead.values()))
    hessian_vector = [
        torch.sub(g_ahead, g).div_(epsilon)
        for g_ahead, g in zip(gradient_ahead, gradient, strict=True)
    ]
    return hessian_vector, (losses_ahead.detach() - losses.detach()) / epsilon


def exact_slopes(
    losses: Callable[[Mapping[str, Tensor]], Tensor], params: Params, direction: list[Tensor]
) -> Tensor:
    """Return (∇L_i·v) (K,) at ``params`` along v = ``direction``, by one forward-mode pass."""
    primal = {name: p.detach() for name, p in params.items()}
    tangent = dict(zip(params, direction, strict=True))
    _, slopes = torch.func.jvp(losses, (primal,), (tangent,))  # type: ignore[misc]
    return slopes  # type: ignore[no-any-return]


@torch.no_grad()
def finite_slopes(
    losses: Callable[[Mapping[str, Tensor]], Tensor],
    params: Params,
    direction: list[Tensor],
    here: Tensor,
    distance: float,
) -> Tensor:
    """Return what `exact_slopes` does, from one more forward at θ + εv.

    ``here`` are the losses (K,) at ``params``; ``distance`` is |εv|, see `step_length`.
    """
    length = norm(direction)
    if not length:
        return torch.zeros_like(here)
    epsilon = distance / length
    return (losses(step_along(params, direction, epsilon)) - here) / epsilon


KINKED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh)


def step_length(module: nn.Module, dtype: torch.dtype) -> float:
    """Distance |εv| at which a finite difference over ``module`` is most accurate.

    On a smooth network rounding (~eps/ε) and curvature (~ε) balance at a fraction of √eps. Where
    activations have kinks, a gradient jumps at each; over a short distance a single jump, divided
    by ε, drowns the curvature, so the step is 100 times longer and averages over many
    (benchmarks/finite_difference.py prints the error of both).
    """
    kinked = any(isinstance(part, KINKED) for part in module.modules())
    return (10.0 if kinked else 0.1) * math.sqrt(torch.finfo(dtype).eps)
