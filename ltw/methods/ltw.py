"""Learning to Weight: the paper's method (AAAI 2021), one step of Eqs. 1-6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ltw.methods.base import Logs, in_mode, make_detector, trainable
from ltw.methods.losses import ICCInput, ltw_loss
from ltw.methods.meta import MetaLearning, MetaOptions
from ltw.models.functional import forward_at, random_state
from ltw.models.weight_network import WeightNetwork
from ltw.palette import BLUE
from ltw.sections import DetectorConfig
from ltw.types import Batch

WeightNormalization = Literal["none", "batch", "class"]


class LTWOptions(MetaOptions):
    """Options of Learning to Weight; the names are the paper's."""

    icc_weight: float = Field(default=0.01, ge=0)
    """λ, weight of the intra-class compact loss."""
    icc_on: ICCInput = "probability"
    """What that loss acts on, σ(logit) or the logit."""
    weight_normalization: WeightNormalization = "none"
    """Scale p to mean 1 over the batch, or within each class, or not at all (the paper); Eq. 6
    differentiates through it."""


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
        weight_network: module, features -> (K,) in (0, 1). Features enter it detached from θ.
        options: fields of `LTWOptions`.
    """

    title = "LTW"
    colour = BLUE
    section = "ltw"
    Options = LTWOptions
    options: LTWOptions

    def __init__(self, detector: nn.Module, weight_network: nn.Module, **options: Any) -> None:
        super().__init__(detector, **options)
        self.weight_network = weight_network

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the detector, a weight network for its features, and the method."""
        network = make_detector(detector)
        return cls(network, WeightNetwork(network.channels), **dict(options))

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ and G_w; logs: ``loss`` (T), ``meta_test_loss``, `weight_logs`.

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        draws = random_state(batch.images.device)
        logits, features = self.detector(batch.images)
        losses = self.losses(logits, batch.labels)
        p = self.weight_network(features.detach())
        weights = normalize_weights(p, batch.labels, self.options.weight_normalization)

        step = self.meta_step(batch, losses, weights.detach(), draws)  # Eqs. 1-4

        # Eq. 6 is the gradient of -(α/K) Σ_i (∇L_i · v) p_i
        w = list(trainable(self.weight_network).values())
        if w:
            meta_test_by_w = -self.options.alpha * (step.slopes * weights).mean()
            self.fill_gradients(meta_test_by_w, w)
        logs = {"loss": step.meta_train, "meta_test_loss": step.meta_test}
        return logs | self.weight_logs(p, weights)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return L_ce + λ L_icc of each face (K,)."""
        return ltw_loss(logits, labels, self.options.icc_weight, self.options.icc_on)

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for θ and one for w."""
        w = {"name": "weight_network", "params": list(self.weight_network.parameters())}
        return [*super().param_groups(), w]

    @torch.no_grad()
    def weigh(self, batch: Batch) -> Logs:
        """Return the faces' weights in training mode, as `backward` logs them."""
        with in_mode(self, training=True):
            _, features = forward_at(self.detector, {}, batch.images)  # statistics stay
            p = forward_at(self.weight_network, {}, features)
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
