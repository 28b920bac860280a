"""The weight network p(w): what is known of a face in, how much the face should count out."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ltw.sections import Section

WeightForm = Literal["sigmoid", "one-plus-sigmoid"]
CUES = 3
"""What a network that reads losses is told of a face besides its features: see `loss_cues`."""


class WeightNetworkOptions(Section):
    """What the weight network reads and how it is built; the defaults are the paper's."""

    input: Literal["features", "loss", "features+loss"] = "features"
    """``loss``: the face's loss, signed margin and label, as `loss_cues` gives them."""
    norm: Literal["batch", "group", "none"] = "batch"
    """After each convolution; with ``batch``, a weight depends on the batch its face stands in."""
    zero_head: bool = False
    """Start with the same weight, σ(1), for every face; with losses as input it always does."""


class WeightNetwork(nn.Module):
    """Two depthwise-separable convolutions C -> C/2 -> C/4, average pool, linear, sigmoid.

    With C = 1280 the pointwise convolutions hold 1,024,000 weights (the paper's "1.024M").

    Args:
        channels: C of the feature maps.
        form: ``sigmoid`` is the paper's; ``one-plus-sigmoid`` the form of its public code, whose
            head is dropout, linear and BatchNorm, and whose weights are 1 + σ.
        options: what it reads. Losses pass a hidden layer of 64 units with ReLU, beside the pooled
            features if there are any, in place of the linear head.
    """

    def __init__(
        self,
        channels: int,
        form: WeightForm = "sigmoid",
        options: WeightNetworkOptions | None = None,
    ) -> None:
        super().__init__()
        options = options or WeightNetworkOptions()
        self.reads_features = options.input != "loss"
        self.reads_loss = options.input != "features"
        self.offset = 1.0 if form == "one-plus-sigmoid" else 0.0
        width = 0
        if self.reads_features:
            width = channels // 4
            self.convolutions = nn.Sequential(
                _separable(channels, channels // 2, options.norm),
                _separable(channels // 2, width, options.norm),
            )
        last = nn.Linear(64 if self.reads_loss else width, 1)
        if options.zero_head or self.reads_loss:
            nn.init.zeros_(last.weight)
            nn.init.ones_(last.bias)
        hidden = [nn.Linear(width + CUES, 64), nn.ReLU()] if self.reads_loss else []
        self.head: nn.Module = nn.Sequential(*hidden, last) if hidden else last
        if form == "one-plus-sigmoid":
            self.head = nn.Sequential(nn.Dropout(0.5), self.head, nn.BatchNorm1d(1))

    def forward(self, features: Tensor, cues: Tensor | None = None) -> Tensor:
        """Return weights (K,), in (0, 1) or (1, 2) by its form.

        Args:
            features: (K, C, H, W).
            cues: (K, 3), needed by a network that reads losses.
        """
        parts = []
        if self.reads_features:
            parts.append(self.convolutions(features).mean(dim=(2, 3)))
        if self.reads_loss:
            assert cues is not None
            parts.append(cues)
        logits: Tensor = self.head(torch.cat(parts, dim=1))
        return self.offset + logits.squeeze(1).sigmoid()


def loss_cues(losses: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Return (K, 3), detached: loss up to 6, signed margin (2y - 1) o within ±6, and label y."""
    margins = ((2 * labels - 1) * logits).clamp(-6, 6)
    return torch.stack([losses.clamp(max=6), margins, labels], dim=1).detach()


def _separable(c_in: int, c_out: int, norm: str) -> nn.Sequential:
    free = norm == "none"  # a normalisation has a bias of its own
    return nn.Sequential(
        nn.Conv2d(c_in, c_in, kernel_size=3, padding=1, groups=c_in, bias=free),
        _norm(c_in, norm),
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel_size=1, bias=free),
        _norm(c_out, norm),
        nn.ReLU(),
    )


def _norm(channels: int, norm: str) -> nn.Module:
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(math.gcd(32, channels), channels) if norm == "group" else nn.Identity()
