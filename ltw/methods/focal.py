"""Focal loss: faces that are classified well already count less."""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn

from ltw.config import Config
from ltw.methods.base import make_detector
from ltw.methods.erm import ERM
from ltw.methods.losses import focal_loss


class Focal(ERM):
    """ERM with the focal loss of Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017).

    L = -(1 - p_t)^γ log p_t (its Eq. 4), p_t the probability of the true class, γ = 2. Without the
    class balance of its Eq. 5: batches are balanced.
    """

    def __init__(self, detector: nn.Module, *, gamma: float = 2.0) -> None:
        super().__init__(detector)
        self.gamma = gamma

    @classmethod
    def build(cls, config: Config) -> Self:
        """Make the detector, and the method with the options [focal]."""
        return cls(make_detector(config.detector), **config.focal.model_dump())

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the focal loss of each face (K,)."""
        return focal_loss(logits, labels, self.gamma)
