"""Learning to Weight on the paper's backbones and on a transformer, from random weights."""

from __future__ import annotations

import pytest
import torch

from ltw.config import Config, DetectorConfig
from ltw.engine.build import build_method, build_optimizer
from ltw.types import Batch

SIZE, K = 64, 4
BACKBONES = (
    "efficientnet_b0",
    "efficientnet_b2",
    "efficientnet_b4",
    "legacy_xception",
    "seresnet50",
    "vgg19_bn",
    "vit_tiny_patch16_224",
)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_two_steps_of_ltw(backbone):
    chosen = DetectorConfig(backbone=backbone, pretrained=False, image_size=SIZE)
    config = Config(store="faces", sources=("a", "b"), method="ltw", detector=chosen)
    method = build_method(config).train()
    optimizer = build_optimizer(config, method)
    images, counterparts = torch.rand(2, K, 3, SIZE, SIZE)
    labels = (torch.arange(K) % 2).float()
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    for _ in range(2):
        logs = method.backward(Batch(images, labels, counterparts, 1 - labels))
        assert all(torch.isfinite(value).all() for value in logs.values())
        assert all(torch.isfinite(p.grad).all() for p in method.parameters())
        optimizer.step()
    still = [name for name, p in method.named_parameters() if torch.equal(p, before[name])]
    assert not still  # no part of the backbone is dead weight
    assert method.weigh(Batch(images, labels))["weights"].shape == (K,)
