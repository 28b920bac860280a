"""BatchNorm's running statistics, taken anew over faces of all sources."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ltw.methods.base import in_mode

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@torch.no_grad()
def recompute_statistics(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Make running mean and variance the averages over ``batches`` of those of each batch.

    As `torch.optim.swa_utils.update_bn`, but for dropout, which is off. What meta-learning methods
    leave is an average over the domains of the last epoch's meta-train alone.
    """
    norms = [part for part in module.modules() if isinstance(part, KINDS)]
    momenta = [norm.momentum for norm in norms]
    with in_mode(module, training=False):
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
            norm.momentum = None  # every batch counts as much
        try:
            for images in batches if norms else ():
                module(images)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
