"""Learning to Weight: the paper's method (AAAI 2021), one step of Eqs. 1-6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ltw.methods.base import Counterparts, Logs, in_mode, make_detector, trainable
from ltw.methods.losses import ICCInput, ltw_loss
from ltw.methods.meta import MetaLearning, MetaOptions
from ltw.methods.slope_memory import SlopeMemory
from ltw.models.functional import forward_at, random_state
from ltw.models.weight_network import (
    WeightForm,
    WeightNetwork,
    WeightNetworkOptions,
    loss_cues,
)
from ltw.palette import BLUE
from ltw.sections import DetectorConfig
from ltw.types import Batch

WeightNormalization = Literal["none", "batch", "class"]


class LTWOptions(MetaOptions):
    """Options of Learning to Weight; the names and the defaults are the paper's."""

    icc_weight: float = Field(default=0.01, ge=0)
    """λ, weight of the intra-class compact loss."""
    icc_on: ICCInput = "probability"
    """What that loss acts on, σ(logit) or the logit."""
    weight_normalization: WeightNormalization = "none"
    """Scale p to mean 1 over the batch, or within each class, or not at all (the paper); Eq. 6
    differentiates through it."""
    weight_form: WeightForm = "sigmoid"
    """p = σ, or 1 + σ by the head that the paper's public code has (see `WeightNetwork`)."""
    train_weights: bool = True
    """Move w along Eq. 6; else it stays as initialised (the paper's public code)."""
    weight_network: WeightNetworkOptions = WeightNetworkOptions()
    weight_decay: float = Field(default=0.0, ge=0)
    """Adam's, for w."""
    weight_counterparts: Literal["as M", "same video", "other person"] = "as M"
    """Whose faces the M of Eq. 6 is measured on, where not those of Eq. 4."""
    slope_memory: float = Field(default=0.0, ge=0, lt=1)
    """How much of a face's slope ∇L_i·v is that of its earlier visits; 0: of this step alone."""


class LTW(MetaLearning):
    r"""A detector f(θ) and a weight network p(w), taught by a step on a held-out source domain.

    Per batch (x, y) of the meta-train domains, with counterparts (x', y') of the meta-test ones::

        p_i  = p(f_i; w)                                  weight of face i, from its feature map
        T    = (1/K) Σ_i L_i(θ) p_i                       (1)   meta-train loss
        θ'   = θ - α ∇_θ T                                (2)   virtual step
        M    = (1/K) Σ_i L'_i(θ')                         (3)   meta-test loss
        G_θ  = ∇_θ T + β (v - α ∇²T v),  v = ∇_θ' M       (4)   gradient of T + β M in θ
        G_w  = dM/dw = -(α/K) Σ_i (∇L_i · v) ∇_w p_i      (6)   gradient of M in w

    with L = L_ce + λ L_icc (7-11). `backward` leaves G_θ and G_w in ``.grad``; Adam steps along
    them (5 as read in method.md, and 6). A face whose gradient agrees with the meta-test gradient
    gains weight.

    Args:
        detector: module, images (K, 3, H, W) -> (logits (K,), features (K, C, H', W')).
        weight_network: module, features -> (K,) in (0, 1), or (features, `loss_cues`) -> (K,)
            where ``weight_network.input`` says that it reads losses. All enter detached from θ.
        options: fields of `LTWOptions`.
    """

    title = "LTW"
    colour = BLUE
    section = "ltw"
    Options = LTWOptions
    options: LTWOptions

    def __init__(self, detector: nn.Module, weight_network: nn.Module, /, **options: Any) -> None:
        super().__init__(detector, **options)
        self.weight_network = weight_network
        if not self.options.train_weights:
            weight_network.requires_grad_(False)
        if self.options.slope_memory:
            self.slope_memory = SlopeMemory(self.options.slope_memory)

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the detector, a weight network for its features, and the method."""
        network = make_detector(detector)
        weights = WeightNetwork(network.channels, options.weight_form, options.weight_network)
        return cls(network, weights, **dict(options))

    @property
    def pairings(self) -> tuple[Counterparts, ...]:
        """Whose faces M is measured on, and where they are others, that of Eq. 6."""
        own, others = super().pairings, self.options.weight_counterparts
        return own if others == "as M" or others in own else (*own, others) if own else ()

    def meta_backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ and G_w; logs: ``loss`` (T), ``meta_test_loss``, `weight_logs`.

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        draws = random_state(batch.images.device)
        logits, features = self.detector(batch.images)
        losses = self.losses(logits, batch.labels)
        p = self.weight_network(*self._seen(features, losses, logits, batch.labels))
        weights = normalize_weights(p, batch.labels, self.options.weight_normalization)

        step = self.meta_step(batch, losses, weights.detach(), draws)  # Eqs. 1-4

        # Eq. 6 is the gradient of -(α/K) Σ_i (∇L_i · v) p_i
        w = list(trainable(self.weight_network).values())
        if w:
            slopes = step.slopes
            if self.options.slope_memory:
                slopes = self.slope_memory(batch.indices, slopes)
            meta_test_by_w = -self.options.alpha * (slopes * weights).mean()
            self.fill_gradients(meta_test_by_w, w)
        logs = {"loss": step.meta_train, "meta_test_loss": step.meta_test}
        return logs | self.weight_logs(p, weights)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return L_ce + λ L_icc of each face (K,)."""
        return ltw_loss(logits, labels, self.options.icc_weight, self.options.icc_on)

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for θ and one for w."""
        w = {
            "name": "weight_network",
            "params": list(self.weight_network.parameters()),
            "weight_decay": self.options.weight_decay,
        }
        return [*super().param_groups(), w]

    def _seen(
        self, features: Tensor, losses: Tensor, logits: Tensor, labels: Tensor
    ) -> tuple[Tensor, ...]:
        """Return what the weight network is given of the faces, detached."""
        if self.options.weight_network.input == "features":
            return (features.detach(),)
        return features.detach(), loss_cues(losses, logits, labels)

    @torch.no_grad()
    def weigh(self, batch: Batch) -> Logs:
        """Return the faces' weights in training mode, as `backward` logs them."""
        with in_mode(self, training=True):
            logits, features = forward_at(self.detector, {}, batch.images)  # statistics stay
            losses = self.losses(logits, batch.labels)
            seen = self._seen(features, losses, logits, batch.labels)
            p = forward_at(self.weight_network, {}, *seen)
        weights = normalize_weights(p, batch.labels, self.options.weight_normalization)
        return self.weight_logs(p, weights)

    def weight_logs(self, p: Tensor, weights: Tensor) -> Logs:
        """Return ``weights`` (p) and, where they are scaled, ``normalized_weights``, each (K,)."""
        if self.options.weight_normalization == "none":
            return {"weights": p.detach()}
        return {"weights": p.detach(), "normalized_weights": weights.detach()}


def normalize_weights(p: Tensor, labels: Tensor, how: WeightNormalization) -> Tensor:
    """Scale weights p (K,) to mean 1 over the batch or within each class of ``labels`` (K,)."""
    if how == "none":
        return p
    if how == "batch":
        return p / p.mean()
    fake = labels > 0.5
    n_fake = fake.sum().clamp(min=1)
    n_real = (~fake).sum().clamp(min=1)
    zero = torch.zeros_like(p)
    mean_fake = torch.where(fake, p, zero).sum() / n_fake
    mean_real = torch.where(fake, zero, p).sum() / n_real
    return p / torch.where(fake, mean_fake, mean_real)
