"""Empirical risk minimisation: the baseline every other method has to beat."""

from __future__ import annotations

from ltw.methods.base import Logs, Method, require_finite, trainable
from ltw.methods.losses import cross_entropy
from ltw.models.functional import gradients
from ltw.types import Batch


class ERM(Method):
    """The paper's "Alltrain": all source domains pooled, mean binary cross-entropy."""

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with the gradient of the batch's mean cross-entropy."""
        parameters = list(trainable(self.detector).values())
        logits, _ = self.detector(batch.images)
        loss = cross_entropy(logits, batch.labels).mean()
        require_finite(loss, "the training loss", batch)
        grads = self.average(gradients(loss, parameters))
        for parameter, grad in zip(parameters, grads, strict=True):
            parameter.grad = grad
        return {"loss": loss.detach()}
