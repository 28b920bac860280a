"""Meta-learning domain generalisation: LTW's step without weights."""

from __future__ import annotations

import torch
from torch import Tensor

from ltw.methods.base import Logs
from ltw.methods.losses import cross_entropy
from ltw.methods.meta import MetaLearning
from ltw.models.functional import random_state
from ltw.palette import SLATE
from ltw.types import Batch


class MLDG(MetaLearning):
    r"""Li et al., "Learning to Generalize: Meta-Learning for Domain Generalization" (AAAI 2018).

    Its Algorithm 1: with F the mean cross-entropy of the meta-train domains, G of the meta-test::

        θ'   = θ - α ∇_θ F(θ)
        G_θ  = ∇_θ [F(θ) + β G(θ')]

    to the second order. Meta-split and counterparts are LTW's; arguments are `MetaLearning`'s.
    """

    title = "MLDG"
    colour = SLATE
    section = "mldg"

    def meta_backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with G_θ; logs: ``loss`` (F) and ``meta_test_loss`` (G).

        Raises:
            LTWError: the batch has no counterparts, or a loss is not finite.
        """
        draws = random_state(batch.images.device)
        logits, _ = self.detector(batch.images)
        losses = self.losses(logits, batch.labels)
        step = self.meta_step(batch, losses, torch.ones_like(losses), draws)
        return {"loss": step.meta_train, "meta_test_loss": step.meta_test}

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of each face (K,)."""
        return cross_entropy(logits, labels)
