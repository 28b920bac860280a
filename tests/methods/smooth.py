"""Networks small and smooth enough to be differentiated twice in float64, and a batch for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ltw.types import Batch

K = 7


class SmoothDetector(nn.Module):
    """Small, twice differentiable, with or without BatchNorm and dropout."""

    def __init__(self, batch_norm: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(6) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = softplus(self.conv2(torch.tanh(self.norm(self.conv1(images)))))
        return self.head(self.dropout(features.mean((2, 3)))).squeeze(1), features


class SmoothWeights(nn.Module):
    def __init__(self, batch_norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 1)
        self.norm = nn.BatchNorm2d(4) if batch_norm else nn.Identity()
        self.head = nn.Linear(4, 1)

    def forward(self, features: Tensor) -> Tensor:
        return (
            self.head(torch.tanh(self.norm(self.conv(features))).mean((2, 3))).squeeze(1).sigmoid()
        )


def networks(batch_norm: bool, dropout: float = 0.0) -> tuple[SmoothDetector, SmoothWeights]:
    torch.manual_seed(3)
    return SmoothDetector(batch_norm, dropout).double(), SmoothWeights(batch_norm).double()


def batch() -> Batch:
    generator = torch.Generator().manual_seed(5)
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 1]).double()

    def images() -> Tensor:
        return torch.rand(K, 3, 8, 8, generator=generator, dtype=torch.float64)

    return Batch(
        images=images(), labels=labels, counterpart_images=images(), counterpart_labels=1 - labels
    )


def relative_error(found: list[Tensor], expected: list[Tensor]) -> float:
    difference = sum(((a - b) ** 2).sum() for a, b in zip(found, expected, strict=True))
    return float(difference**0.5 / sum((b**2).sum() for b in expected) ** 0.5)
