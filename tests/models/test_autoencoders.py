"""ForensicTransfer's and Multi-task's networks, layer by layer, and their formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from ltw.errors import ConfigError
from ltw.models.autoencoders import (
    ForensicTransferDecoder,
    ForensicTransferEncoder,
    MultiTaskDecoder,
    MultiTaskEncoder,
    activation_loss,
    activations,
    keep_half,
    third_order_residual,
)
from ltw.models.detector import DetectorNetwork

BASELINES = ("forensic_transfer", "multi_task")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def layers(module: nn.Module, call, kinds=(nn.Conv2d, nn.ConvTranspose2d)) -> list[tuple[int, ...]]:
    """Shapes (C, H, W) that leave every convolution, in the order they are called."""
    shapes: list[tuple[int, ...]] = []
    for part in module.modules():
        if isinstance(part, kinds):
            part.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        call()
    return shapes


def norms_follow(module: nn.Sequential) -> list[bool]:
    """Of each convolution, whether BatchNorm comes next."""
    parts = list(module)
    return [
        isinstance(after, nn.BatchNorm2d)
        for part, after in zip(parts, [*parts[1:], None], strict=True)
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d))
    ]


def test_multi_task_has_the_papers_parameters():
    assert count(MultiTaskEncoder()) == 148_200
    assert count(MultiTaskDecoder()) == 156_749


def test_multi_task_encoder_layer_by_layer():
    encoder = MultiTaskEncoder()
    shapes = layers(encoder, lambda: encoder.forward_features(random(1, 3, 256, 256)))
    assert shapes == [
        (8, 256, 256),
        (8, 128, 128),
        (16, 128, 128),
        (16, 64, 64),
        (32, 64, 64),
        (32, 32, 32),
        (64, 32, 32),
        (64, 16, 16),
        (128, 16, 16),
    ]
    assert all(norms_follow(encoder.layers))


def test_multi_task_decoder_layer_by_layer():
    decoder = MultiTaskDecoder()
    shapes = layers(decoder, lambda: decoder(random(1, 128, 16, 16)))
    branch = [(16, 64, 64), (16, 128, 128), (8, 128, 128), (8, 256, 256)]
    assert shapes == [
        *[(64, 16, 16), (64, 32, 32), (32, 32, 32), (32, 64, 64)],
        *[*branch, (2, 256, 256)],
        *[*branch, (3, 256, 256)],
    ]
    assert all(norms_follow(decoder.shared))
    assert norms_follow(decoder.segmenter) == [True] * 4 + [False]
    assert decoder(random(2, 128, 2, 2) * 1000)[1].abs().max() <= 1


def test_forensic_transfer_layer_by_layer():
    encoder, decoder = ForensicTransferEncoder(), ForensicTransferDecoder()
    shapes = layers(encoder, lambda: encoder.forward_features(random(1, 3, 256, 256)))
    assert shapes == [(8, 256, 256), (16, 128, 128), (32, 64, 64), (64, 32, 32), (128, 16, 16)]
    assert norms_follow(encoder.layers) == [False, True, True, True, False]
    shapes = layers(decoder, lambda: decoder(random(1, 128, 16, 16)))
    assert shapes == [(64, 32, 32), (32, 64, 64), (16, 128, 128), (8, 256, 256), (6, 256, 256)]
    # a convolution 3x3 from a to b maps has 9ab + b parameters, a BatchNorm of b maps 2b
    pairs = [(6, 8), (8, 16), (16, 32), (32, 64), (64, 128)]
    assert count(encoder) == sum(9 * a * b + b for a, b in pairs) + 2 * (16 + 32 + 64)
    pairs = [(128, 64), (64, 32), (32, 16), (16, 8), (8, 6)]
    assert count(decoder) == sum(9 * a * b + b for a, b in pairs)


def test_forensic_transfer_decoder_enlarges_by_the_nearest_neighbour():
    steps = [part for part in ForensicTransferDecoder().layers if isinstance(part, nn.Upsample)]
    assert [(step.mode, step.scale_factor) for step in steps] == [("nearest", 2.0)] * 4


def test_the_residual_is_the_linear_filter_of_third_order():
    images = random(2, 3, 12, 10)
    found = third_order_residual(images).numpy()
    grey = 255 * images.numpy()
    for axis, part in ((3, found[:, :3]), (2, found[:, 3:])):
        # of four values, the second is the pixel itself: the filter looks one back, two ahead
        expected = ndimage.correlate1d(grey, [-1, 3, -3, 1], axis=axis, mode="mirror", origin=-1)
        np.testing.assert_allclose(part, expected, atol=1e-3)


def test_the_residual_forgets_what_is_smooth():
    y, x = torch.meshgrid(torch.linspace(0, 1, 16), torch.linspace(0, 1, 16), indexing="ij")
    smooth = (0.2 + 0.3 * x**2 + 0.2 * x * y + 0.1 * y**2).expand(1, 3, 16, 16)
    residual = third_order_residual(smooth)
    assert residual[..., 1:-2, 1:-2].abs().max() < 1e-3


def test_activations_and_their_loss_in_numpy():
    latent, labels = random(4, 128, 3, 5) - 0.5, torch.tensor([0.0, 1.0, 1.0, 0.0])
    h, y = latent.double().numpy(), labels.numpy()
    real = np.abs(h[:, :64]).reshape(4, -1).mean(1)
    fake = np.abs(h[:, 64:]).reshape(4, -1).mean(1)
    for found, expected in zip(activations(latent), (real, fake), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    loss = np.where(y == 1, abs(fake - 1) + abs(real), abs(fake) + abs(real - 1))
    np.testing.assert_allclose(activation_loss(latent, labels), loss, rtol=1e-5)


def test_only_the_half_of_the_faces_class_is_kept():
    latent, labels = random(3, 128, 2, 2) + 1, torch.tensor([0.0, 1.0, 0.0])
    kept = keep_half(latent, labels)
    for face, label in enumerate(labels):
        own, other = (slice(64, 128), slice(0, 64)) if label else (slice(0, 64), slice(64, 128))
        assert torch.equal(kept[face, own], latent[face, own])
        assert not kept[face, other].any()


@pytest.mark.parametrize("decoder", [ForensicTransferDecoder, MultiTaskDecoder])
def test_what_is_decoded_does_not_depend_on_the_other_half(decoder):
    network, labels = decoder().eval(), torch.tensor([0.0, 1.0])
    latent = random(2, 128, 2, 2)
    changed = latent.clone()
    changed[0, 64:], changed[1, :64] = 7, 7
    with torch.no_grad():
        one, other = network(keep_half(latent, labels)), network(keep_half(changed, labels))
        whole, changed_whole = network(latent), network(changed)
    if decoder is ForensicTransferDecoder:
        one, other, whole, changed_whole = ([out] for out in (one, other, whole, changed_whole))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(whole, changed_whole, strict=True))


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("size", [32, 48, 256])
def test_an_encoder_is_a_detectors_backbone(name, size):
    detector = DetectorNetwork(name, image_size=size).eval()
    with torch.no_grad():
        logits, features = detector(random(2, 3, size, size))
    assert detector.channels == 128
    assert features.shape == (2, 128, size // 16, size // 16)
    a_real, a_fake = activations(features)
    assert torch.equal(logits, a_fake - a_real)
    softmax = torch.stack([a_real, a_fake], dim=1).softmax(dim=1)[:, 1]
    assert torch.allclose(logits.sigmoid(), softmax)
    assert torch.equal(logits.sigmoid() > 0.5, a_fake > a_real)


def test_preprocessing_is_inside():
    images = random(2, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    detector = DetectorNetwork("multi_task", image_size=32).eval()
    normalized = (images - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        assert torch.allclose(detector(images)[1], detector.backbone.layers(normalized), atol=1e-6)
        detector = DetectorNetwork("forensic_transfer", image_size=32).eval()
        residual = third_order_residual(images)
        assert torch.allclose(detector(images)[1], detector.backbone.layers(residual), atol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
def test_what_an_encoder_cannot_is_said(name):
    message = rf"'{name}'.*image_size = 100 is no multiple of 16; take 96 or 112"
    with pytest.raises(ConfigError, match=message):
        DetectorNetwork(name, image_size=100)
    with pytest.raises(ConfigError, match=rf"'{name}': has no ImageNet weights.*pretrained = fal"):
        DetectorNetwork(name, image_size=256, pretrained=True)
    with pytest.raises(ConfigError, match=f"did you mean '{name}'"):
        DetectorNetwork(f"{name}s")


@pytest.mark.parametrize("name", BASELINES)
def test_a_saved_encoder_says_the_same_to_the_bit(name, tmp_path):
    detector = DetectorNetwork(name, image_size=64)
    detector(random(8, 3, 64, 64))  # running statistics of its own
    detector.eval().save(tmp_path)
    loaded, images = DetectorNetwork.load(tmp_path), random(2, 3, 64, 64, seed=1)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(loaded(images), detector(images), strict=True))
