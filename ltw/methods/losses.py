"""Losses, one value a face: Eq. 1 weights them, so their batch mean is taken by the caller."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

ICCInput = Literal["probability", "logit"]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy (K,) of logits (K,) against labels (K,) of 0 real, 1 fake (Eq. 8)."""
    return binary_cross_entropy_with_logits(logits, labels, reduction="none")


def focal_loss(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """-(1 - p_t)^γ log p_t of each face (K,), p_t the probability of its true class.

    Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), Eq. 4; γ = 0 is cross-entropy.
    """
    margins = (2 * labels - 1) * logits  # p_t = σ(margin); in logarithms no power of 0 has a slope
    return -(gamma * logsigmoid(-margins)).exp() * logsigmoid(margins)


def intra_class_compactness(outputs: Tensor, labels: Tensor) -> Tensor:
    """The intra-class compact loss a face (K,), whose batch mean is L_icc (Eqs. 9-11).

    Reals are drawn to their centre C = mean output of the batch's reals, fakes pushed from it:
    (o - C)²·K/|real| for a real, -(o - C)²·K/|fake| for a fake. C is differentiated through.
    Zero where the batch has no real or no fake.
    """
    fake = labels > 0.5
    n_fake = int(fake.sum())
    n_real = len(labels) - n_fake
    if n_fake == 0 or n_real == 0:
        return torch.zeros_like(outputs)
    centre = outputs[~fake].mean()
    distances = len(labels) * (outputs - centre).square()
    return torch.where(fake, -distances / n_fake, distances / n_real)


def ltw_loss(logits: Tensor, labels: Tensor, icc_weight: float, icc_on: ICCInput) -> Tensor:
    """L_i = L_ce + λ L_icc of each face (K,) (Eq. 7); ``icc_on`` chooses o, the output ICC sees."""
    losses = cross_entropy(logits, labels)
    if icc_weight:
        outputs = logits.sigmoid() if icc_on == "probability" else logits
        losses = losses + icc_weight * intra_class_compactness(outputs, labels)
    return losses
