"""Learning to Weight: the paper's method (AAAI 2021), one step of Eqs. 1-6."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from ltw.config import Config
from ltw.methods.base import Logs, make_detector, trainable
from ltw.methods.losses import ICCInput, ltw_loss
from ltw.methods.meta import MetaLearning, SecondOrder, require_one_of
from ltw.models.functional import random_state
from ltw.models.weight_network import WeightNetwork
from ltw.types import Batch

WeightNormalization = Literal["none", "batch", "class"]


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
        alpha: α, length of the virtual step.
        beta: β, weight of the meta-test loss for θ.
        icc_weight: λ, weight of the intra-class compact loss.
        icc_on: what that loss acts on, σ(logit) or the logit.
        weight_normalization: scale p to mean 1 over the batch, or within each class, or not at all
            (the paper); Eq. 6 differentiates through it.
        second_order: ``finite_difference`` (one more forward and backward; the default) or
            ``exact`` (forward over reverse; several times slower).

    Raises:
        ConfigError: an option is none of those allowed.
    """

    def __init__(
        self,
        detector: nn.Module,
        weight_network: nn.Module,
        *,
        alpha: float = 1e-3,
        beta: float = 1.0,
        icc_weight: float = 0.01,
        icc_on: ICCInput = "probability",
        weight_normalization: WeightNormalization = "none",
        second_order: SecondOrder = "finite_difference",
    ) -> None:
        super().__init__(detector, alpha=alpha, beta=beta, second_order=second_order)
        require_one_of("icc_on", icc_on, ICCInput)
        require_one_of("weight_normalization", weight_normalization, WeightNormalization)
        self.weight_network = weight_network
        self.icc_weight = icc_weight
        self.icc_on: ICCInput = icc_on
        self.weight_normalization: WeightNormalization = weight_normalization

    @classmethod
    def build(cls, config: Config) -> Self:
        """Make the detector, a weight network for its features, and LTW with the options [ltw]."""
        detector = make_detector(config.detector)
        return cls(detector, WeightNetwork(detector.channels), **config.ltw.model_dump())

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ and G_w; logs: ``loss`` (T), ``meta_test_loss``, ``weights`` (p).

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        draws = random_state(batch.images.device)
        logits, features = self.detector(batch.images)
        losses = self.losses(logits, batch.labels)
        p = self.weight_network(features.detach())
        weights = normalize_weights(p, batch.labels, self.weight_normalization)

        step = self.meta_step(batch, losses, weights.detach(), draws)  # Eqs. 1-4

        w = list(trainable(self.weight_network).values())
        if w:
            meta_test_by_w = -self.alpha * (step.slopes * weights).mean()  # its gradient is Eq. 6
            self.fill_gradients(meta_test_by_w, w)
        return {
            "loss": step.meta_train,
            "meta_test_loss": step.meta_test,
            "weights": p.detach(),
        }

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return L_ce + λ L_icc of each face (K,)."""
        return ltw_loss(logits, labels, self.icc_weight, self.icc_on)

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for θ and one for w."""
        w = {"name": "weight_network", "params": list(self.weight_network.parameters())}
        return [*super().param_groups(), w]

    def _outputs(self, images: Tensor) -> dict[str, Tensor]:
        logits, features = self.detector(images)
        return {"p_fake": logits.double().sigmoid(), "weight": self.weight_network(features)}


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
