"""The second-order step that methods with held-out domains share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from ltw.errors import LTWError
from ltw.methods.base import Method, require_finite, set_gradients, trainable
from ltw.models.functional import (
    exact_derivative,
    finite_difference,
    forward_at,
    gradients,
    replayed,
    step_along,
    step_length,
)
from ltw.sections import Section
from ltw.types import Batch


class MetaOptions(Section):
    """Options of the meta-learning step."""

    alpha: float = Field(default=1e-3, ge=0)
    """α, length of the virtual step."""
    beta: float = Field(default=1.0, ge=0)
    """β, weight of the meta-test loss for θ."""
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

    Args:
        detector: module, images (K, 3, H, W) -> (logits (K,), features (K, C, H', W')).
        options: fields of `MetaOptions`.
    """

    paired = True
    Options = MetaOptions
    options: MetaOptions

    @abstractmethod
    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss L_i of each face (K,)."""

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
        if batch.counterpart_images is None or batch.counterpart_labels is None:
            raise LTWError(
                f"{type(self).__name__} needs each face's counterpart: a batch with "
                "counterpart_images and counterpart_labels from the meta-test domains"
            )
        theta = trainable(self.detector)

        meta_train = (losses * weights).mean()  # Eq. 1
        require_finite(meta_train, "the meta-train loss", batch)
        grad_t = self.average(gradients(meta_train, list(theta.values())))

        theta_virtual = step_along(theta, grad_t, -self.options.alpha)  # Eq. 2
        logits, _ = forward_at(self.detector, theta_virtual, batch.counterpart_images)
        meta_test = self.losses(logits, batch.counterpart_labels).mean()  # Eq. 3
        require_finite(meta_test, "the meta-test loss", batch)
        v = self.average(gradients(meta_test, list(theta_virtual.values())))
        del theta_virtual  # as large as the detector

        # Second order: how ∇T and every L_i change along v.
        def weighted_loss(at: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
            logits, _ = forward_at(self.detector, at, batch.images)
            losses = self.losses(logits, batch.labels)
            return (losses * weights).mean(), losses

        with replayed(draws, batch.images.device):
            if self.options.second_order == "exact":
                hessian_v, slopes = exact_derivative(weighted_loss, dict(theta), v)
            else:
                distance = step_length(self.detector, losses.dtype)
                hessian_v, slopes = finite_difference(
                    weighted_loss, dict(theta), v, grad_t, losses, distance
                )
        hessian_v = self.average(hessian_v)

        # Eq. 4: g + β (v - α h), in one new tensor
        grad = (
            torch.sub(v_j, h, alpha=self.options.alpha).mul_(self.options.beta).add_(g)
            for g, v_j, h in zip(grad_t, v, hessian_v, strict=True)
        )
        set_gradients(theta.values(), grad)
        return MetaStep(meta_train.detach(), meta_test.detach(), slopes)
