"""The autoencoders of two baselines: encoders that detect, decoders that serve training alone.

ForensicTransfer: Cozzolino et al. 2018, arXiv 1812.02510. Multi-task: Nguyen et al. 2019,
arXiv 1906.06876. Both split their 128 latent maps into 64 for real and 64 for fake faces; how
strongly each half is active is the decision. Layers and choices: docs/baselines.md.

The encoders have timm's interface (``forward_features``, ``pretrained_cfg``), so that
`DetectorNetwork` takes them as it takes timm's models.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

LATENT = 128
STRIDE = 16
"""Pixels of the input to one of the latent maps; the input's side must be a multiple."""
GREY_LEVELS = 255


def third_order_residual(images: Tensor) -> Tensor:
    """Return the third difference, (1, -3, 3, -1), of every colour along rows and along columns.

    Steganalysis's linear residual of third order: it removes what is smooth, and with it most of
    what a face shows. ``images`` is (K, 3, H, W) in [0, 1]; the result (K, 6, H, W) is in grey
    levels, rows first. Borders are mirrored, so that they leave no trace of their own.
    """
    rows = torch.diff(pad(images, (1, 2, 0, 0), mode="reflect"), n=3, dim=3)
    columns = torch.diff(pad(images, (0, 0, 1, 2), mode="reflect"), n=3, dim=2)
    return GREY_LEVELS * torch.cat([rows, columns], dim=1)


class ForensicTransferEncoder(nn.Module):
    """Residual, then 3x3 convolutions 8 (stride 1), 16, 32, 64, 128 (stride 2) with ReLU.

    The middle three are normalised (BatchNorm).
    """

    pretrained_cfg = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}  # noqa: RUF012 (timm's name)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(6, 8, stride=1, norm=False),
            *_convolution(8, 16, stride=2),
            *_convolution(16, 32, stride=2),
            *_convolution(32, 64, stride=2),
            *_convolution(64, LATENT, stride=2, norm=False),
        )

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the latent (K, 128, H/16, W/16), >= 0, of images (K, 3, H, W) in [0, 1]."""
        latent: Tensor = self.layers(third_order_residual(images))
        return latent


class ForensicTransferDecoder(nn.Module):
    """Four times nearest-neighbour x2 and a 3x3 convolution, 64, 32, 16, 8; then one to 6 maps.

    ReLU after each but the last, for residuals have either sign.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (LATENT, 64, 32, 16, 8)
        layers: list[nn.Module] = []
        for c_in, c_out in pairwise(widths):
            layers += [nn.Upsample(scale_factor=2), *_convolution(c_in, c_out, norm=False)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8, 6, kernel_size=3, padding=1))

    def forward(self, latent: Tensor) -> Tensor:
        """Return the residual (K, 6, H, W) of a latent (K, 128, H/16, W/16)."""
        residual: Tensor = self.layers(latent)
        return residual


class MultiTaskEncoder(nn.Module):
    """Nine 3x3 convolutions, BatchNorm and ReLU, every second of stride 2; 148,200 parameters."""

    pretrained_cfg = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        c_in = 3
        for c_out in (8, 16, 32, 64):
            layers += [*_convolution(c_in, c_out), *_convolution(c_out, c_out, stride=2)]
            c_in = c_out
        self.layers = nn.Sequential(*layers, *_convolution(c_in, LATENT))

    def forward_features(self, normalized: Tensor) -> Tensor:
        """Return the latent (K, 128, H/16, W/16), >= 0, of normalised images (K, 3, H, W)."""
        latent: Tensor = self.layers(normalized)
        return latent


class MultiTaskDecoder(nn.Module):
    """The Y: a shared stem, a branch that segments and one that reconstructs; 156,749 parameters.

    All 3x3 transposed convolutions with BatchNorm and ReLU, every second of stride 2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Sequential(*_enlarge(LATENT, 64), *_enlarge(64, 32))
        self.segmenter = _branch(2)
        self.reconstructor = nn.Sequential(*_branch(3), nn.Tanh())

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Return (segmentation, reconstruction) of a latent (K, 128, H/16, W/16).

        The segmentation (K, 2, H, W) is logits: their softmax is the paper's genuine and forged.
        The reconstruction (K, 3, H, W) is of the normalised image, in (-1, 1).
        """
        shared = self.shared(latent)
        return self.segmenter(shared), self.reconstructor(shared)


ENCODERS: dict[str, type[nn.Module]] = {
    "forensic_transfer": ForensicTransferEncoder,
    "multi_task": MultiTaskEncoder,
}
"""Encoders by the backbone name that `DetectorNetwork` takes; no weights to start from."""


class ActivationHead(nn.Module):
    """The logit a_fake - a_real: its sigmoid is the softmax of the two activations."""

    def forward(self, latent: Tensor) -> Tensor:
        """Return logits (K,), > 0 means fake, of latents (K, C, H', W')."""
        a_real, a_fake = activations(latent)
        return a_fake - a_real


def activations(latent: Tensor) -> tuple[Tensor, Tensor]:
    """Return (a_real, a_fake), each (K,): the mean absolute value of either half of the maps."""
    real, fake = latent.abs().chunk(2, dim=1)
    return real.mean((1, 2, 3)), fake.mean((1, 2, 3))


def activation_loss(latent: Tensor, labels: Tensor) -> Tensor:
    """|a_fake - y| + |a_real - (1 - y)|, (K,), of latents against labels (K,), 0 real, 1 fake."""
    a_real, a_fake = activations(latent)
    return (a_fake - labels).abs() + (a_real - (1 - labels)).abs()


def keep_half(latent: Tensor, labels: Tensor) -> Tensor:
    """Zero the half of ``latent`` (K, C, H', W') that is not of the face's class."""
    keep = torch.stack([1 - labels, labels], dim=1)
    return latent * keep.repeat_interleave(latent.shape[1] // 2, dim=1)[:, :, None, None]


def _convolution(c_in: int, c_out: int, stride: int = 1, norm: bool = True) -> list[nn.Module]:
    convolution = nn.Conv2d(c_in, c_out, kernel_size=3, stride=stride, padding=1)
    return [convolution, *([nn.BatchNorm2d(c_out)] if norm else []), nn.ReLU()]


def _enlarge(c_in: int, c_out: int) -> list[nn.Module]:
    """A transposed convolution of stride 1 and one of stride 2, each with BatchNorm and ReLU."""
    settings: Any = {"kernel_size": 3, "padding": 1}
    return [
        nn.ConvTranspose2d(c_in, c_out, **settings),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.ConvTranspose2d(c_out, c_out, stride=2, output_padding=1, **settings),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    ]


def _branch(channels: int) -> nn.Sequential:
    last = nn.ConvTranspose2d(8, channels, kernel_size=3, padding=1)
    return nn.Sequential(*_enlarge(32, 16), *_enlarge(16, 8), last)
