"""Sharpness-aware minimisation: the gradient is taken a little uphill."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from ltw.methods.base import Logs, Method, require_finite, set_gradients, trainable
from ltw.methods.losses import cross_entropy
from ltw.models.functional import forward_at, gradients, norm, random_state, replayed, step_along
from ltw.palette import SLATE
from ltw.sections import Section
from ltw.types import Batch


class SAMOptions(Section):
    """Options of sharpness-aware minimisation."""

    rho: float = Field(default=0.05, gt=0)
    """ρ: how far uphill the gradient is taken."""


class SAM(Method):
    r"""Foret et al., "Sharpness-Aware Minimization for ..." (ICLR 2021), Algorithm 1.

    With L the mean cross-entropy of a batch of all source domains::

        ε    = ρ ∇L(θ) / ‖∇L(θ)‖₂         (2)   uphill: about the worst within ρ of θ
        G_θ  = ∇L(θ + ε)                  (3)

    so that minima which stay low all around are preferred. ρ = 0.05. Both passes see the same
    dropout; BatchNorm's running statistics move by the first alone.
    """

    title = "SAM"
    colour = SLATE
    line = "--"
    section = "sam"
    Options = SAMOptions
    options: SAMOptions

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ; logs: ``loss``, L(θ), and ``sharpness``, L(θ + ε) - L(θ)."""
        theta = trainable(self.detector)
        draws = random_state(batch.images.device)
        logits, _ = self.detector(batch.images)
        loss = self._loss(logits, batch)
        gradient = self.average(gradients(loss, list(theta.values())))
        length = norm(gradient)
        if not length:  # nowhere is uphill
            set_gradients(theta.values(), gradient)
            return {"loss": loss.detach(), "sharpness": loss.new_zeros(())}

        uphill = step_along(theta, gradient, self.options.rho / length)
        with replayed(draws, batch.images.device):
            logits, _ = forward_at(self.detector, uphill, batch.images)
        worse = self._loss(logits, batch)
        set_gradients(theta.values(), self.average(gradients(worse, list(uphill.values()))))
        return {"loss": loss.detach(), "sharpness": (worse - loss).detach()}

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        loss = cross_entropy(logits, batch.labels).mean()
        require_finite(loss, "the training loss", batch)
        return loss
