"""Tiny autoencoders of the TAESD family (TAESD, TAEF1, TAEF2), as their weights describe them.

An encoder halves the picture three times into a latent, a decoder doubles it back (Ollin Boer
Bohan, github.com/madebyollin/taesd). Both are one ``nn.Sequential``, so that the names and shapes
in a weights file say which layer stands where; widths, latent channels and pooled blocks are read
from it. `diffusers.AutoencoderTiny` has the family's older members, but not the pooled blocks.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ltw.errors import DataError

FILES = ("encoder.safetensors", "decoder.safetensors")
POOL_GROUPS = 4
"""Groups of the normalisation in a pooled block: the one number that no shape tells."""

Floats = NDArray[np.float32]


class Autoencoder:
    """An encoder and its decoder, from pixels to pixels by way of NumPy, for inference on a CPU."""

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential) -> None:
        for network in (encoder, decoder):  # channels last: a sixth quicker on a CPU
            network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.encoder, self.decoder = encoder, decoder
        self.stride = 2 ** sum(isinstance(layer, nn.Upsample) for layer in decoder)

    def encode(self, images: Floats) -> Floats:
        """Latents float32 (K, H/8, W/8, C) of images float32 (K, H, W, 3), RGB in [0, 1]."""
        return _apply(self.encoder, images)

    def decode(self, latents: Floats) -> Floats:
        """Images float32 (K, H, W, 3), RGB in [0, 1], of latents float32 (K, H/8, W/8, C)."""
        return _apply(self.decoder, latents).clip(0, 1)


@cache
def load_autoencoder(folder: Path) -> Autoencoder:
    """Read ``encoder.safetensors`` and ``decoder.safetensors`` in ``folder``; once a process.

    Raises:
        DataError: a file is missing or damaged, or is of another kind of network.
    """
    encoder, decoder = (_load(folder / name, _LAYERS[name]) for name in FILES)
    ours = encoder[-1].out_channels
    theirs = next(layer for layer in decoder if isinstance(layer, nn.Conv2d)).in_channels
    if ours != theirs:
        raise DataError(
            f"{folder}: its encoder's latent has {ours} channels and its decoder takes {theirs}; "
            "use the two files of one model"
        )
    return Autoencoder(encoder, decoder)


def autoencoder_digest(folder: Path) -> str:
    """A checksum of both files (16 hex digits), by which a corpus knows its autoencoder.

    Raises:
        DataError: a file is missing.
    """
    digest = blake2b(digest_size=8)
    for name in FILES:
        digest.update(_existing(folder / name).read_bytes())
    return digest.hexdigest()


class _Block(nn.Module):
    """relu(skip(x) + conv(x)); in a pooled block x first becomes x + pool(x)."""

    def __init__(self, c_in: int, c_out: int, pooled: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(c_in, c_out, 3, padding=1)]
        for _ in range(2):
            layers += [nn.ReLU(), nn.Conv2d(c_out, c_out, 3, padding=1)]
        self.conv = nn.Sequential(*layers)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1, bias=False)
        self.pool: nn.Module | None = None
        if pooled:
            self.pool = nn.Sequential(
                nn.Conv2d(c_in, pooled, 1, bias=False),
                nn.GroupNorm(POOL_GROUPS, pooled),
                nn.ReLU(),
                nn.Conv2d(pooled, c_in, 1, bias=False),
            )

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + self.skip(x))


class _SoftClamp(nn.Module):
    """3 tanh(x / 3): latents beyond what the decoder has seen are held back."""

    def forward(self, x: Tensor) -> Tensor:
        return 3 * torch.tanh(x / 3)


def _encoder_layers(state: dict[str, Tensor]) -> list[nn.Module]:
    """Every layer has weights; a convolution without bias is the one that halves."""
    return [_layer(state, n, stride=2) for n in range(_count(state))]


def _decoder_layers(state: dict[str, Tensor]) -> list[nn.Module]:
    """Layers without weights are the clamp, the activation behind the first, and enlargements."""
    layers: list[nn.Module] = []
    for n in range(_count(state)):
        if _has(state, n):
            layers.append(_layer(state, n, stride=1))
        elif n == 0:
            layers.append(_SoftClamp())
        else:
            enlarges = f"{n + 1}.weight" in state and f"{n + 1}.bias" not in state
            layers.append(nn.Upsample(scale_factor=2) if enlarges else nn.ReLU())
    return layers


_LAYERS = dict(zip(FILES, (_encoder_layers, _decoder_layers), strict=True))


def _layer(state: dict[str, Tensor], n: int, stride: int) -> nn.Module:
    if f"{n}.conv.0.weight" in state:
        c_out, c_in = state[f"{n}.conv.0.weight"].shape[:2]
        pool = state.get(f"{n}.pool.0.weight")
        return _Block(c_in, c_out, 0 if pool is None else len(pool))
    c_out, c_in = state[f"{n}.weight"].shape[:2]
    bias = f"{n}.bias" in state
    return nn.Conv2d(c_in, c_out, 3, stride=1 if bias else stride, padding=1, bias=bias)


def _count(state: dict[str, Tensor]) -> int:
    numbers = [re.match(r"(\d+)\.", name) for name in state]
    return 1 + max((int(found[1]) for found in numbers if found), default=-1)


def _has(state: dict[str, Tensor], n: int) -> bool:
    return f"{n}.weight" in state or f"{n}.conv.0.weight" in state


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; an autoencoder is a folder with {' and '.join(FILES)}"
        )
    return path


def _load(path: Path, layers: object) -> nn.Sequential:
    family = "a tiny autoencoder of the TAESD family (TAESD, TAEF1, TAEF2)"
    try:
        state = load_file(_existing(path))
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: damaged ({error})") from None
    try:
        network = nn.Sequential(*layers(state))  # type: ignore[operator]
        network.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError, IndexError) as error:
        what = " ".join(str(error).split())
        raise DataError(f"{path}: not the weights of {family}: {what}") from None
    if not len(network):
        raise DataError(f"{path}: not the weights of {family}: no numbered layers in it")
    return network


def _apply(network: nn.Module, pixels: Floats) -> Floats:
    with torch.inference_mode():
        out: Tensor = network(torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2))
        return np.ascontiguousarray(out.permute(0, 2, 3, 1).numpy(), np.float32)
