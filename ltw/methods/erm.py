"""Empirical risk minimisation, the baseline every other method has to beat, and no training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ltw.methods.base import Logs, Method, require_finite, trainable
from ltw.methods.losses import cross_entropy
from ltw.palette import BLUE, ORANGE
from ltw.types import Batch


class ERM(Method):
    """The paper's "Alltrain": all source domains pooled, mean binary cross-entropy."""

    title = "ERM"
    colour = ORANGE

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with the gradient of the batch's mean loss."""
        logits, _ = self.detector(batch.images)
        loss = self.losses(logits, batch.labels).mean()
        require_finite(loss, "the training loss", batch)
        self.fill_gradients(loss, trainable(self.detector).values())
        return {"loss": loss.detach()}

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of each face (K,)."""
        return cross_entropy(logits, labels)


class Basemodel(Method):
    """The paper's "Basemodel": an ImageNet backbone under an untrained head, nothing trained."""

    title = "Base model"
    colour = BLUE
    line = "--"

    def __init__(self, detector: nn.Module, **options: Any) -> None:
        super().__init__(detector, **options)
        detector.requires_grad_(False)

    @torch.no_grad()
    def backward(self, batch: Batch) -> Logs:
        """Report the loss; there is no parameter to give a gradient."""
        logits, _ = self.detector(batch.images)
        return {"loss": cross_entropy(logits, batch.labels).mean()}
