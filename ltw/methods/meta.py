"""The second-order step that methods with held-out domains share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ltw.methods.base import (
    Counterparts,
    Logs,
    Method,
    counterparts,
    require_finite,
    set_gradients,
    trainable,
)
from ltw.models.functional import (
    Params,
    exact_derivative,
    exact_slopes,
    finite_difference,
    finite_slopes,
    forward_at,
    gradients,
    replayed,
    step_along,
    step_length,
)
from ltw.sections import Section
from ltw.types import Batch

ADAM_EPS = 1e-8
"""What PyTorch's Adam adds to the root of its second moment."""


class MetaOptions(Section):
    """Options of the meta-learning step."""

    alpha: float = Field(default=1e-3, ge=0)
    """α, length of the virtual step."""
    beta: float = Field(default=1.0, ge=0)
    """β, weight of the meta-test loss for θ."""
    counterparts: Counterparts = "same video"
    """Whose faces M is measured on."""
    warm_up: int = Field(default=0, ge=0)
    """First steps that are plain: down the mean loss of the batch alone."""
    preconditioned: bool = False
    """Scale the virtual step by Adam's second moment, as the step that θ takes is."""
    second_order: Literal["exact", "finite_difference"] = "finite_difference"
    """One more forward and backward, or forward over reverse, which is several times slower."""


class MetaStep(NamedTuple):
    """What a step knows of its batch, detached: T, M and ∇L_i·v of every meta-train face (K,)."""

    meta_train: Tensor
    meta_test: Tensor
    slopes: Tensor


class MetaLearning(Method):
    r"""Methods that descend T + β M: a virtual step down T must also lower M, on held-out domains.

    With a batch (x, y) of the meta-train domains, weights p, and (x', y') of the meta-test ones::

        T    = (1/K) Σ_i L_i(θ) p_i                       (1)   meta-train loss
        θ'   = θ - α ∇_θ T                                (2)   virtual step
        M    = (1/K) Σ_i L'_i(θ')                         (3)   meta-test loss
        G_θ  = ∇_θ T + β (v - α ∇²T v),  v = ∇_θ' M       (4)   gradient of T + β M in θ

    Numbers are those of LTW's paper; MLDG is the case p = 1 (`ltw.methods.MLDG`).

    With ``preconditioned`` the virtual step is that of Adam without its momentum::

        θ'   = θ - α D ∇_θ T,  D = 1 / (√u + 1e-8)        (2')  u: Adam's second moment
        G_θ  = ∇_θ T + β (v - α ∇²T D v)                  (4')  D is held constant

    Args:
        detector: module, images (K, 3, H, W) -> (logits (K,), features (K, C, H', W')).
        options: fields of `MetaOptions`.
    """

    paired = True
    Options = MetaOptions
    options: MetaOptions

    def __init__(self, detector: nn.Module, **options: Any) -> None:
        super().__init__(detector, **options)
        if self.options.warm_up:
            self.plain_steps: Tensor
            self.register_buffer("plain_steps", torch.zeros((), dtype=torch.int64))

    @property
    def pairings(self) -> tuple[Counterparts, ...]:
        """Whose faces M is measured on."""
        return (self.options.counterparts,) if self.paired else ()

    @abstractmethod
    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss L_i of each face (K,)."""

    @abstractmethod
    def meta_backward(self, batch: Batch) -> Logs:
        """Do what `backward` does once the method is warm."""

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ, and what else a method trains; logs: see `meta_backward`.

        A step of the warm-up fills that of θ alone, with the gradient of the batch's mean loss, and
        logs nothing but this ``loss``.

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        if not self.options.warm_up or self.plain_steps >= self.options.warm_up:
            return self.meta_backward(batch)
        self.plain_steps += 1
        logits, _ = self.detector(batch.images)
        loss = self.losses(logits, batch.labels).mean()
        require_finite(loss, "the training loss", batch)
        self.fill_gradients(loss, trainable(self.detector).values())
        return {"loss": loss.detach()}

    def meta_step(
        self, batch: Batch, losses: Tensor, weights: Tensor, draws: list[Tensor]
    ) -> MetaStep:
        """Leave G_θ in the detector's ``.grad``, Eqs. 1-4.

        Args:
            batch: meta-train faces and their counterparts.
            losses: L_i(θ) (K,) of the meta-train faces, by the method's first forward, the only
                one that moves BatchNorm's running statistics.
            weights: p_i (K,), constants.
            draws: `random_state` as it was before that forward; the second pass over these faces
                replays it, so that both see the same dropout.

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        images, labels = counterparts(batch, self)
        theta = trainable(self.detector)

        meta_train = (losses * weights).mean()  # Eq. 1
        require_finite(meta_train, "the meta-train loss", batch)
        grad_t = self.average(gradients(meta_train, list(theta.values())))

        scaled = self._preconditioner(theta.values())
        theta_virtual = step_along(theta, scaled(grad_t), -self.options.alpha)  # Eq. 2
        meta_test, v = self._meta_test(theta_virtual, images, labels, batch)  # Eq. 3
        others, v_weights = batch.weight_counterparts, None
        if others is not None:  # weights are judged by other faces than θ is
            _, v_weights = self._meta_test(theta_virtual, *others, batch)
        del theta_virtual  # as large as the detector

        # Second order: how ∇T and every L_i change along v.
        def losses_at(at: Mapping[str, Tensor]) -> Tensor:
            logits, _ = forward_at(self.detector, at, batch.images)
            return self.losses(logits, batch.labels)

        def weighted_loss(at: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
            losses = losses_at(at)
            return (losses * weights).mean(), losses

        exact = self.options.second_order == "exact"
        distance = step_length(self.detector, losses.dtype)
        with replayed(draws, batch.images.device):
            if exact:
                hessian_v, slopes = exact_derivative(weighted_loss, dict(theta), scaled(v))
            else:
                hessian_v, slopes = finite_difference(
                    weighted_loss, dict(theta), scaled(v), grad_t, losses, distance
                )
        if v_weights is not None:
            along = scaled(v_weights)
            with replayed(draws, batch.images.device):
                slopes = (
                    exact_slopes(losses_at, dict(theta), along)
                    if exact
                    else finite_slopes(losses_at, dict(theta), along, losses.detach(), distance)
                )
        hessian_v = self.average(hessian_v)

        # Eq. 4: g + β (v - α h), in one new tensor
        grad = (
            torch.sub(v_j, h, alpha=self.options.alpha).mul_(self.options.beta).add_(g)
            for g, v_j, h in zip(grad_t, v, hessian_v, strict=True)
        )
        set_gradients(theta.values(), grad)
        return MetaStep(meta_train.detach(), meta_test.detach(), slopes)

    def _meta_test(
        self, theta_virtual: Params, images: Tensor, labels: Tensor, batch: Batch
    ) -> tuple[Tensor, list[Tensor]]:
        """Return M(θ') on these faces and v, its gradient."""
        logits, _ = forward_at(self.detector, theta_virtual, images)
        meta_test = self.losses(logits, labels).mean()
        require_finite(meta_test, "the meta-test loss", batch)
        return meta_test, self.average(gradients(meta_test, list(theta_virtual.values())))

    def _preconditioner(
        self, theta: Iterable[nn.Parameter]
    ) -> Callable[[list[Tensor]], list[Tensor]]:
        """Return what multiplies a direction by D; the identity where D is not asked for."""
        moments = [self.second_moment(p) for p in theta] if self.options.preconditioned else []
        if not moments or any(moment is None for moment in moments):  # Adam took no step yet
            return list
        return lambda direction: [
            d / (moment.sqrt() + ADAM_EPS)  # type: ignore[union-attr]
            for d, moment in zip(direction, moments, strict=True)
        ]
