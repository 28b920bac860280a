"""Detector network f(θ): a face in, one logit and the last feature map out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor, nn

from ltw.errors import DataError, LTWError
from ltw.files import atomic, write_text
from ltw.models.autoencoders import ENCODERS, ActivationHead
from ltw.models.backbones import create_backbone, normalization, unusable
from ltw.schema import JSONFile
from ltw.tensors import SafetensorError, read_tensors, require_finite

_AGAIN = "release it again: ltw train --resume RUN, or take another copy"


class _DetectorFile(JSONFile):
    """detector.json: what the network needs; what else is known of it is kept as it is."""

    model_config = ConfigDict(extra="allow")

    backbone: str
    image_size: int = Field(ge=1, le=4096)
    threshold: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=1.0, gt=0)


class LinearHead(nn.Linear):
    """Global average pooling and one linear unit."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (K,) of a feature map (K, C, H', W')."""
        return super().forward(features.mean(dim=(2, 3))).squeeze(1)


class DetectorNetwork(nn.Module):
    """Detector network: normalisation, backbone, head and decision threshold in one object.

    ``config`` is what the release's detector.json holds: the arguments below, and whatever else is
    known of the detector (docs/release.md lists it). `save` writes it and `load` reads it whole.

    Args:
        backbone: any timm model that has a feature map (tokens are folded to one), or the encoder
            of an autoencoder baseline (`ltw.models.autoencoders.ENCODERS`), whose head compares
            activations where all others have a `LinearHead`.
        pretrained: start from ImageNet weights; `PACKAGED` has them offline, timm fetches others.
        image_size: side of the input in pixels.
        threshold: probability from which a face is called fake.
        temperature: what logits are divided by for a calibrated probability; kept beside the
            weights for whoever scores files, `forward` gives the logits as they are.

    Raises:
        ConfigError: there is no such backbone, its weights cannot be fetched, or it has no feature
            map at this image size.
    """

    def __init__(
        self,
        backbone: str = "efficientnet_b0",
        *,
        pretrained: bool = False,
        image_size: int = 224,
        threshold: float = 0.5,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "backbone": backbone,
            "image_size": image_size,
            "threshold": threshold,
            "temperature": temperature,
        }
        self.image_size = image_size
        self.backbone = create_backbone(backbone, pretrained=pretrained, image_size=image_size)
        self.mean: Tensor
        self.std: Tensor
        mean, std = normalization(backbone, self.backbone)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.channels = self._count_channels()
        self.head = ActivationHead() if backbone in ENCODERS else LinearHead(self.channels)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits, features) of ``images``.

        Args:
            images: float (K, 3, H, W), RGB in [0, 1].

        Returns:
            logits (K,), > 0 means fake, and the feature map (K, C, H', W').
        """
        features = self.features(self.normalize(images))
        return self.head(features), features

    def normalize(self, images: Tensor) -> Tensor:
        """Return images as the backbone wants them: each colour less its mean, over its std."""
        return (images - self.mean) / self.std

    def features(self, normalized: Tensor) -> Tensor:
        """Return the backbone's last feature map, always as (K, C, H', W')."""
        features: Tensor = self.backbone.forward_features(normalized)
        if features.ndim == 3:  # tokens (K, N, C): drop the class token and its like, fold the rest
            tokens = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]
            side = round(tokens.shape[1] ** 0.5)
            return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)
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
            raise unusable(self.config["backbone"], self.image_size, error) from error
        self.backbone.train()
        return channels

    def save(self, folder: Path) -> None:
        """Write the release: ``detector.safetensors`` and ``detector.json``.

        Raises:
            DataError: a weight is not finite; nothing is written.
        """
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        require_finite(tensors, str(folder), "it is not written")
        with atomic(folder / "detector.safetensors") as part:
            save_file(tensors, part)
        write_text(folder / "detector.json", json.dumps(self.config, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> DetectorNetwork:
        """Read what `save` wrote, and what earlier versions did: they knew fewer keys.

        Raises:
            DataError: ``folder`` does not hold a detector, or a damaged one: values of other
                types, weights of another backbone, weights that are not finite.
        """
        if not (folder / "detector.json").is_file():
            raise DataError(
                f"{folder}: no detector here (detector.json is missing); give the folder "
                "`detector/` of a finished run"
            )
        path = folder / "detector.safetensors"
        try:
            values = _DetectorFile.read(folder / "detector.json", _AGAIN)
            detector = cls(values.backbone, image_size=values.image_size)
            detector.config |= values.model_dump(exclude_unset=True)
            tensors, _ = read_tensors(path)
            detector.load_state_dict(tensors)
        except LTWError as error:  # its settings; no such backbone, or not at this size
            raise DataError(f"{folder}: damaged detector ({error})") from error
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise DataError(f"{folder}: damaged detector ({error}); {_AGAIN}") from error
        require_finite(tensors, str(path), _AGAIN)
        return detector.eval()
