"""The weight network p(w): a face's feature map in, how much the face should count out."""

from __future__ import annotations

from torch import Tensor, nn


class WeightNetwork(nn.Module):
    """Two depthwise-separable convolutions C -> C/2 -> C/4, average pool, linear, sigmoid.

    With C = 1280 the pointwise convolutions hold 1,024,000 weights (the paper's "1.024M").
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _separable(channels, channels // 2), _separable(channels // 2, channels // 4)
        )
        self.head = nn.Linear(channels // 4, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return p (K,) in (0, 1) for features (K, C, H, W)."""
        maps = self.convolutions(features)
        logits: Tensor = self.head(maps.mean(dim=(2, 3)))
        return logits.squeeze(1).sigmoid()


def _separable(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_in, kernel_size=3, padding=1, groups=c_in, bias=False),
        nn.BatchNorm2d(c_in),
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel_size=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )
