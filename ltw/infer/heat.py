"""Grad-CAM (Selvaraju et al., ICCV 2017) by captum: where in a face the evidence lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.infer.networks import Floats, Network, TorchNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from ltw.models.detector import DetectorNetwork


def heat_maps(network: Network, images: Floats, size: int) -> Floats | None:
    """Return where each image speaks for a forgery, float32 (K, size, size), at least 0.

    Grad-CAM on the last feature map, whose grid is coarse (4 x 4 to 7 x 7 cells for most backbones)
    and is smoothed here. Values of different images compare; they have no unit.

    Args:
        network: None is returned for an ONNX file, which has no gradients.
        images: float32 (K, 3, S, S), RGB in [0, 1].
        size: side of the maps.
    """
    if not isinstance(network, TorchNetwork):
        return None
    import torch
    from captum.attr import LayerGradCam

    model = _split(network.module)
    cam = LayerGradCam(model, model.map)
    maps = cam.attribute(torch.from_numpy(images).to(network.device), relu_attributions=True)
    coarse = maps.detach().float().cpu().numpy()[:, 0]
    smooth = [cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse]
    return np.clip(np.asarray(smooth, np.float32), 0, None)


def blend(crop: NDArray[np.uint8], heat: Floats) -> NDArray[np.uint8]:
    """Lay a heat map in [0, 1] over a crop of its size: clear where it is 0, yellow at 1."""
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    weight = 0.75 * np.sqrt(heat)[..., None]
    return np.asarray(crop * (1 - weight) + colours * weight, np.uint8)


def _split(detector: DetectorNetwork) -> Any:
    """Give the detector's feature map a module of its own, which is where captum looks."""
    from torch import nn

    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector
            self.map = nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            features = self.map(detector.features(detector.normalize(images)))
            logits: Tensor = detector.head(features)
            return logits

    return Split()
