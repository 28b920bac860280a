"""Multi-task's step against its formulas, written anew; end to end: tests/engine."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from ltw.config import Config
from ltw.engine.build import build_method, build_optimizer
from ltw.errors import LTWError
from ltw.methods.multi_task import MultiTask
from ltw.types import Batch

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def config(size: int = 32, **fields) -> Config:
    return Config(
        store="s", sources=("a",), method="multi_task", detector={"image_size": size}, **fields
    )


def build(**fields) -> MultiTask:
    return build_method(config(**fields)).train()


def batch(known: tuple[int, ...] | None = (0, 1, 2, 4, 5), k: int = 6, size: int = 32) -> Batch:
    """Faces of alternating labels; ``known`` have a mask, face 3 by default has none."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(k, 3, size, size, generator=generator)
    labels = (torch.arange(k) % 2).float()
    data = Batch(images, labels, indices=list(range(k)))
    if known is not None:
        has_mask = torch.isin(torch.arange(k), torch.tensor(known, dtype=torch.long))
        forged = (torch.rand(k, size, size, generator=generator) > 0.5).float()
        data.masks = forged * (labels * has_mask).view(-1, 1, 1)
        data.has_mask = has_mask
    return data


def outputs(method: MultiTask, data: Batch) -> tuple[torch.Tensor, ...]:
    y = data.labels.view(-1, 1, 1, 1)
    h = method.detector(data.images)[1]
    kept = torch.cat([h[:, :64] * (1 - y), h[:, 64:] * y], dim=1)
    return h, *method.decoder(kept)


def test_the_loss_is_the_papers():
    method, data = build(), batch()
    networks = copy.deepcopy(method)
    logs = method.backward(data)
    with torch.no_grad():
        h, segmentation, reconstruction = outputs(networks, data)

    y = data.labels.numpy()
    real, fake = (part.abs().flatten(1).mean(1).numpy() for part in (h[:, :64], h[:, 64:]))
    terms = {"activation_loss": np.mean(abs(fake - y) + abs(real - (1 - y)))}
    image = ((data.images - MEAN) / STD).numpy()
    terms["reconstruction_loss"] = np.square(reconstruction.numpy() - image).mean()
    s = np.exp(segmentation.double().numpy())
    forged = s[:, 1] / s.sum(1)
    p = np.where(data.masks.numpy() == 1, forged, 1 - forged)
    terms["segmentation_loss"] = -np.log(p)[[0, 1, 2, 4, 5]].mean()
    for name, value in terms.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name
    assert float(logs["loss"]) == pytest.approx(sum(terms.values()), rel=1e-5)
    assert logs.keys() == {"loss", *terms}


def test_every_parameter_gets_the_losss_gradient():
    method, data = build().double(), batch(known=tuple(range(6)))
    for name in ("images", "labels", "masks"):
        setattr(data, name, getattr(data, name).double())
    networks = copy.deepcopy(method)
    method.backward(data)

    y = data.labels
    h, segmentation, reconstruction = outputs(networks, data)
    a_real, a_fake = h[:, :64].mean((1, 2, 3)), h[:, 64:].mean((1, 2, 3))
    loss = ((a_fake - y).abs() + (a_real - 1 + y).abs()).mean()
    loss = loss + (reconstruction - (data.images - MEAN) / STD).square().mean()
    forged = segmentation.softmax(1)[:, 1]
    loss = loss - (data.masks * forged.log() + (1 - data.masks) * (1 - forged).log()).mean()
    loss.backward()
    for (name, found), expected in zip(
        method.named_parameters(), networks.parameters(), strict=True
    ):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-4, atol=1e-8), name


def test_an_unknown_mask_changes_nothing():
    method = build()
    data, other = batch(), batch()
    other.masks[3] = 1 - other.masks[3]
    logs, others = copy.deepcopy(method).backward(data), copy.deepcopy(method).backward(other)
    assert logs == others
    other.has_mask[3] = True
    assert method.backward(other)["segmentation_loss"] != logs["segmentation_loss"]


@pytest.mark.parametrize("known", [None, ()])
def test_without_masks_nothing_is_learned_of_segmentation(known):
    method = build()
    logs = method.backward(batch(known=known))
    assert float(logs.get("segmentation_loss", 0)) == 0
    assert ("segmentation_loss" in logs) == (known is not None)
    terms = logs["activation_loss"] + logs["reconstruction_loss"]
    assert float(logs["loss"]) == pytest.approx(float(terms))
    assert not any(p.grad.any() for p in method.decoder.segmenter.parameters())
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())
    assert method.decoder.reconstructor[0].weight.grad.any()


def test_adam_has_the_papers_options():
    settings = config(training={"learning_rate": 0.5})
    method = build_method(settings)
    groups = build_optimizer(settings, method).param_groups
    assert [group["name"] for group in groups] == ["detector", "decoder"]
    for group in groups:
        options = {"lr": 0.5, "weight_decay": 5e-4, "eps": 1e-7, "betas": (0.9, 0.999)}
        assert {name: group[name] for name in options} == options
    assert sum(len(group["params"]) for group in groups) == len(list(method.parameters()))


def test_the_detector_is_the_encoder_and_gives_the_softmax_of_the_halves():
    method = build(size=48)
    assert method.detector.config["backbone"] == "multi_task"
    images = batch(known=None, size=48).images
    p_fake = method.predict(images)
    method.eval()
    with torch.no_grad():
        h = method.detector(images)[1].double()
    a_real, a_fake = (np.exp(half.mean((1, 2, 3)).numpy()) for half in (h[:, :64], h[:, 64:]))
    np.testing.assert_allclose(p_fake, a_fake / (a_real + a_fake), rtol=1e-5)


def test_it_learns_to_segment():
    """Fakes are brighter where they are forged: a few steps, and the mask is found."""
    settings = config(training={"learning_rate": 1e-2})
    method = build_method(settings).train()
    optimizer, data = build_optimizer(settings, method), batch(known=tuple(range(6)))
    data.masks[:] = 0
    data.masks[1::2, 8:24, 8:24] = 1
    data.images = 0.2 * data.images + 0.6 * data.masks[:, None]
    losses = []
    for _ in range(40):
        losses.append(float(method.backward(data)["segmentation_loss"]))
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_a_loss_that_is_not_finite_is_said():
    data = batch()
    data.images[0, 0, 0, 0] = float("nan")
    with pytest.raises(LTWError, match="the training loss is nan on the batch 0, 1, 2"):
        build().backward(data)
