"""Learning to Weight with one of its parts left out (the paper's Table 5)."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from ltw.methods.base import Logs, Method, require_finite, trainable
from ltw.methods.losses import ltw_loss
from ltw.methods.ltw import LTW, LTWOptions, normalize_weights
from ltw.methods.mldg import MLDG
from ltw.palette import GREEN, OCHRE, PURPLE
from ltw.types import Batch


class LTWWithoutICC(LTW):
    """LTW with λ = 0: cross-entropy alone."""

    title = "LTW without ICC"
    colour = GREEN

    def __init__(self, detector: nn.Module, weight_network: nn.Module, /, **options: Any) -> None:
        super().__init__(detector, weight_network, **options | {"icc_weight": 0.0})


class LTWWithoutWeights(MLDG):
    """LTW with p_i = 1 and no weight network: what is left is MLDG with the loss L_ce + λ L_icc.

    Of LTW's options, those of weights mean nothing here.
    """

    title = "LTW without weights"
    colour = PURPLE
    section = "ltw"
    Options = LTWOptions
    options: LTWOptions

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return L_ce + λ L_icc of each face (K,)."""
        return ltw_loss(logits, labels, self.options.icc_weight, self.options.icc_on)


class LTWWithoutMetaTest(LTW):
    r"""LTW in two phases: a trained weight network, frozen, weighs a fresh detector's faces.

    The first phase is the full LTW. In the second, θ starts anew and descends (1) alone, on all
    source domains pooled::

        G_θ  = ∇_θ (1/K) Σ_i L_i(θ) p(f_i; w),  w of the first phase

    No domain is held out, so β, α and `second_order` mean nothing here.
    """

    title = "LTW without meta-test"
    colour = OCHRE
    paired = False
    first_phase = "ltw"

    def __init__(self, detector: nn.Module, weight_network: nn.Module, /, **options: Any) -> None:
        super().__init__(detector, weight_network, **options)
        weight_network.requires_grad_(False)

    def take_over(self, trained: Method) -> None:
        """Take the weight network of a trained LTW."""
        assert isinstance(trained, LTW)
        self.weight_network.load_state_dict(trained.weight_network.state_dict())

    def train(self, mode: bool = True) -> Self:
        """Set the detector's mode; BatchNorm's statistics of the weight network are frozen too."""
        super().train(mode)
        self.weight_network.eval()
        return self

    def backward(self, batch: Batch) -> Logs:
        """Fill the detector's ``.grad`` with G_θ; logs: ``loss`` (T) and `weight_logs`."""
        logits, features = self.detector(batch.images)
        losses = self.losses(logits, batch.labels)
        p = self.weight_network(*self._seen(features, losses, logits, batch.labels)).detach()
        weights = normalize_weights(p, batch.labels, self.options.weight_normalization)
        loss = (losses * weights).mean()
        require_finite(loss, "the weighted training loss", batch)
        self.fill_gradients(loss, trainable(self.detector).values())
        return {"loss": loss.detach(), **self.weight_logs(p, weights)}
