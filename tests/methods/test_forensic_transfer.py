"""ForensicTransfer's step against its formulas, written anew; end to end: tests/engine."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from ltw.config import Config
from ltw.engine.build import build_method, build_optimizer
from ltw.errors import ConfigError, LTWError
from ltw.methods.forensic_transfer import ForensicTransfer
from ltw.models.autoencoders import third_order_residual
from ltw.types import Batch


def config(size: int = 32, **fields) -> Config:
    # what is asked of a backbone is another method's: this one brings its network
    detector = {"backbone": "test_efficientnet", "pretrained": True, "image_size": size}
    return Config(
        store="s", sources=("a",), method="forensic_transfer", detector=detector, **fields
    )


def build(**fields) -> ForensicTransfer:
    return build_method(config(**fields)).train()


def batch(k: int = 6, size: int = 32) -> Batch:
    images = torch.rand(k, 3, size, size, generator=torch.Generator().manual_seed(1))
    return Batch(images, (torch.arange(k) % 2).float(), indices=list(range(k)))


def test_the_loss_is_the_papers():
    method, data = build(), batch()
    networks = copy.deepcopy(method)
    logs = method.backward(data)

    y = data.labels.numpy()
    with torch.no_grad():
        h = networks.detector(data.images)[1]
        kept = h.clone()
        kept[y == 0, 64:] = 0
        kept[y == 1, :64] = 0
        decoded = networks.decoder(kept).numpy()
    real, fake = (part.abs().flatten(1).mean(1).numpy() for part in (h[:, :64], h[:, 64:]))
    activation = np.mean(abs(fake - y) + abs(real - (1 - y)))
    reconstruction = np.abs(decoded - third_order_residual(data.images).numpy()).mean()
    assert float(logs["activation_loss"]) == pytest.approx(activation, rel=1e-5)
    assert float(logs["reconstruction_loss"]) == pytest.approx(reconstruction, rel=1e-5)
    assert float(logs["loss"]) == pytest.approx(activation + 0.1 * reconstruction, rel=1e-5)


def test_every_parameter_gets_the_losss_gradient():
    method, data = build().double(), batch()
    data.images, data.labels = data.images.double(), data.labels.double()
    networks = copy.deepcopy(method)
    method.backward(data)

    y = data.labels
    h = networks.detector(data.images)[1]
    real, fake = h[:, :64], h[:, 64:]
    a_real, a_fake = real.abs().mean((1, 2, 3)), fake.abs().mean((1, 2, 3))
    kept = torch.cat([real * (1 - y).view(-1, 1, 1, 1), fake * y.view(-1, 1, 1, 1)], dim=1)
    difference = networks.decoder(kept) - third_order_residual(data.images)
    loss = ((a_fake - y).abs() + (a_real - 1 + y).abs()).mean() + 0.1 * difference.abs().mean()
    loss.backward()
    for (name, found), expected in zip(
        method.named_parameters(), networks.parameters(), strict=True
    ):
        assert torch.allclose(found.grad, expected.grad, atol=1e-10), name
        assert found.grad.abs().sum() > 0 or name.endswith("bias"), name


def test_every_gradient_passes_the_averaging_hook_once():
    method, calls = build(), []

    def halve(grads):
        calls.append(len(grads))
        return [grad / 2 for grad in grads]

    method.average = halve
    method.backward(batch())
    assert calls == [len(list(method.parameters()))]


def test_both_networks_are_trained_at_the_detectors_rate():
    settings = config(training={"learning_rate": 0.5})
    method = build_method(settings)
    groups = build_optimizer(settings, method).param_groups
    assert {group["name"]: group["lr"] for group in groups} == {"detector": 0.5, "decoder": 0.5}
    assert sum(len(group["params"]) for group in groups) == len(list(method.parameters()))


def test_the_detector_is_the_encoder_and_the_decision_the_stronger_half():
    method = build(size=48)
    assert method.detector.config["backbone"] == "forensic_transfer"
    assert method.detector.image_size == 48
    images = batch(size=48).images
    p_fake = method.predict(images)
    method.eval()
    with torch.no_grad():
        h = method.detector(images)[1]
    a_real, a_fake = h[:, :64].mean((1, 2, 3)), h[:, 64:].mean((1, 2, 3))
    assert torch.equal(p_fake > 0.5, a_fake > a_real)


def test_what_goes_wrong_is_said():
    data = batch()
    data.images[0, 0, 0, 0] = float("nan")
    with pytest.raises(LTWError, match="the training loss is nan on the batch 0, 1, 2"):
        build().backward(data)
    with pytest.raises(ConfigError, match="image_size = 40 is no multiple of 16; take 32 or 48"):
        build(size=40)
