"""Empirical risk minimisation on the faces that meta-learning methods see."""

from __future__ import annotations

from dataclasses import replace

import torch

from ltw.methods.base import Counterparts, Logs, counterparts
from ltw.methods.erm import ERM
from ltw.palette import ORANGE
from ltw.sections import Section
from ltw.types import Batch


class PairedERMOptions(Section):
    """Options of paired ERM."""

    counterparts: Counterparts = "same video"
    """Whose faces the counterparts are."""


class PairedERM(ERM):
    """ERM on a batch and its counterparts together: mean cross-entropy of all 2K faces.

    The control of LTW and MLDG: the same faces by the same meta-split and pairing.
    """

    title = "Paired ERM"
    colour = ORANGE
    line = ":"
    section = "alltrain_paired"
    Options = PairedERMOptions
    options: PairedERMOptions
    paired = True

    @property
    def pairings(self) -> tuple[Counterparts, ...]:
        """Whose faces stand in a batch beside its own."""
        return (self.options.counterparts,)

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` with the gradient of the mean loss.

        Raises:
            LTWError: the batch has no counterparts, or the loss is not finite.
        """
        images, labels = counterparts(batch, self)
        both = replace(
            batch,
            images=torch.cat([batch.images, images]),
            labels=torch.cat([batch.labels, labels]),
        )
        return super().backward(both)
