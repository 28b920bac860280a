"""Focal loss: faces that are classified well already count less."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from ltw.methods.erm import ERM
from ltw.methods.losses import focal_loss
from ltw.palette import ORANGE
from ltw.sections import Section


class FocalOptions(Section):
    """Options of the focal loss."""

    gamma: float = Field(default=2.0, ge=0)
    """γ: how little a well-classified face counts; 0 is cross-entropy."""


class Focal(ERM):
    """ERM with the focal loss of Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017).

    L = -(1 - p_t)^γ log p_t (its Eq. 4), p_t the probability of the true class, γ = 2. Without the
    class balance of its Eq. 5: batches are balanced.
    """

    title = "Focal loss"
    colour = ORANGE
    line = "--"
    section = "focal"
    Options = FocalOptions
    options: FocalOptions

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the focal loss of each face (K,)."""
        return focal_loss(logits, labels, self.options.gamma)
