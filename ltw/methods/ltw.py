"""Learning to Weight: the paper's method (AAAI 2021), one step of Eqs. 1-6."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import torch
from torch import Tensor, nn

from ltw.config import Config
from ltw.errors import ConfigError, LTWError, did_you_mean
from ltw.methods.base import Logs, Method, make_detector, require_finite, trainable
from ltw.methods.losses import ICCInput, ltw_loss
from ltw.models.functional import (
    exact_derivative,
    finite_difference,
    forward_at,
    gradients,
    random_state,
    replayed,
    step_along,
    step_length,
)
from ltw.models.weight_network import WeightNetwork
from ltw.types import Batch

WeightNormalization = Literal["none", "batch", "class"]
SecondOrder = Literal["exact", "finite_difference"]


class LTW(Method):
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

    paired = True

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
        super().__init__(detector)
        for name, value, kind in (
            ("icc_on", icc_on, ICCInput),
            ("weight_normalization", weight_normalization, WeightNormalization),
            ("second_order", second_order, SecondOrder),
        ):
            if value not in get_args(kind):
                raise ConfigError(f"{name} = {value!r}{did_you_mean(str(value), get_args(kind))}")
        self.weight_network = weight_network
        self.alpha = alpha
        self.beta = beta
        self.icc_weight = icc_weight
        self.icc_on: ICCInput = icc_on
        self.weight_normalization: WeightNormalization = weight_normalization
        self.second_order: SecondOrder = second_order

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
        if batch.counterpart_images is None or batch.counterpart_labels is None:
            raise LTWError(
                "LTW needs each face's counterpart: a batch with counterpart_images and "
                "counterpart_labels from the meta-test domains"
            )
        images, labels = batch.images, batch.labels
        theta, w = trainable(self.detector), trainable(self.weight_network)
        draws = random_state(images.device)

        # Meta-train, Eq. 1. The only forward that moves BatchNorm's running statistics.
        logits, features = self.detector(images)
        losses = self._losses(logits, labels)
        p = self.weight_network(features.detach())
        weights = normalize_weights(p, labels, self.weight_normalization)
        fixed_weights = weights.detach()
        meta_train = (losses * fixed_weights).mean()
        require_finite(meta_train, "the meta-train loss", batch)
        grad_t = self.average(gradients(meta_train, list(theta.values())))

        # Virtual step, Eq. 2, and meta-test, Eq. 3.
        theta_virtual = step_along(theta, grad_t, -self.alpha)
        logits, _ = forward_at(self.detector, theta_virtual, batch.counterpart_images)
        meta_test = self._losses(logits, batch.counterpart_labels).mean()
        require_finite(meta_test, "the meta-test loss", batch)
        v = self.average(gradients(meta_test, list(theta_virtual.values())))
        del theta_virtual  # as large as the detector

        # Second order: how ∇T and every L_i change along v.
        def weighted_loss(at: Any) -> tuple[Tensor, Tensor]:
            logits, _ = forward_at(self.detector, at, images)
            losses = self._losses(logits, labels)
            return (losses * fixed_weights).mean(), losses

        with replayed(draws, images.device):
            if self.second_order == "exact":
                hessian_v, slopes = exact_derivative(weighted_loss, dict(theta), v)
            else:
                distance = step_length(self.detector, losses.dtype)
                hessian_v, slopes = finite_difference(
                    weighted_loss, dict(theta), v, grad_t, losses, distance
                )
        hessian_v = self.average(hessian_v)

        for parameter, g, v_j, h in zip(theta.values(), grad_t, v, hessian_v, strict=True):
            # Eq. 4: g + β (v - α h), in one new tensor
            parameter.grad = torch.sub(v_j, h, alpha=self.alpha).mul_(self.beta).add_(g)
        if w:
            meta_test_by_w = -self.alpha * (slopes * weights).mean()  # its gradient is Eq. 6
            grad_w = self.average(gradients(meta_test_by_w, list(w.values())))
            for parameter, g in zip(w.values(), grad_w, strict=True):
                parameter.grad = g
        return {
            "loss": meta_train.detach(),
            "meta_test_loss": meta_test.detach(),
            "weights": p.detach(),
        }

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        return ltw_loss(logits, labels, self.icc_weight, self.icc_on)

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for θ and one for w."""
        w = {"name": "weight_network", "params": list(self.weight_network.parameters())}
        return [*super().param_groups(), w]

    def _outputs(self, images: Tensor) -> dict[str, Tensor]:
        logits, features = self.detector(images)
        return {"p_fake": logits.sigmoid(), "weight": self.weight_network(features)}


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
