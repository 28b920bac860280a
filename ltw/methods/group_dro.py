"""Group distributionally robust optimisation: the forgery that is learned worst counts most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ltw.errors import LTWError
from ltw.methods.base import Logs, Method, make_detector, require_finite, trainable
from ltw.methods.losses import cross_entropy
from ltw.palette import OCHRE
from ltw.sections import DetectorConfig, Section
from ltw.types import REAL, Batch


class GroupDROOptions(Section):
    """Options of group distributionally robust optimisation."""

    step_size: float = Field(default=0.01, gt=0)
    """η: how fast a group's weight follows its loss."""


class GroupDRO(Method):
    r"""Sagawa et al., "Distributionally Robust Neural Networks for Group Shifts" (ICLR 2020).

    A group is a pair (label, domain): the reals, and each source forgery. Its Algorithm 1, for a
    batch that holds several groups, with ℓ_g the mean cross-entropy of group g in the batch::

        q_g  <- q_g exp(η ℓ_g),  then q <- q / Σ_g q_g
        G_θ   = ∇_θ Σ_g q_g ℓ_g

    q starts uniform, is saved with the run, and a group that a batch lacks adds no loss to it.

    Args:
        detector: module, images (K, 3, H, W) -> (logits (K,), features (K, C, H', W')).
        sources: the forgeries trained on.
        options: fields of `GroupDROOptions`.
    """

    title = "GroupDRO"
    colour = OCHRE
    line = "--"
    section = "group_dro"
    Options = GroupDROOptions
    options: GroupDROOptions

    def __init__(self, detector: nn.Module, sources: Sequence[str], **options: Any) -> None:
        super().__init__(detector, **options)
        self.groups = (REAL, *sources)
        self.q: Tensor
        self.register_buffer("q", torch.full((len(self.groups),), 1 / len(self.groups)))

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the detector, and the method for these sources."""
        return cls(make_detector(detector), sources, **dict(options))

    def backward(self, batch: Batch) -> Logs:
        """Move q, then fill ``.grad`` with G_θ; logs: ``loss`` and ``q/GROUP``.

        Raises:
            LTWError: a face is of no known group, or the loss is not finite.
        """
        member = self._membership(batch)
        logits, _ = self.detector(batch.images)
        sums, counts = cross_entropy(logits, batch.labels) @ member, member.sum(dim=0)
        # over all processes; a group that none of them has adds 0
        all_sums, counts = self.average([sums.detach(), counts])
        counts = counts.where(counts > 0, 1)

        self.q *= (self.options.step_size * all_sums / counts).exp()
        self.q /= self.q.sum()
        loss = (self.q * sums / counts).sum()
        require_finite(loss, "the training loss", batch)
        self.fill_gradients(loss, trainable(self.detector).values())
        weights = {f"q/{g}": q for g, q in zip(self.groups, self.q.clone(), strict=True)}
        return {"loss": loss.detach(), **weights}

    def _membership(self, batch: Batch) -> Tensor:
        """Return (K, G), 1 where a face is of a group."""
        unknown = sorted(set(batch.domains) - set(self.groups))
        if unknown or len(batch.domains) != len(batch.labels):
            raise LTWError(
                f"GroupDRO needs a domain for each face, one of {', '.join(self.groups)}; "
                f"the batch has {', '.join(unknown) or len(batch.domains)} "
                f"for {len(batch.labels)} faces"
            )
        groups = torch.tensor([self.groups.index(domain) for domain in batch.domains])
        return one_hot(groups, len(self.groups)).to(batch.images)
