"""What every method promises; a new one joins by its entry in METHODS."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ltw.config import Config, DetectorConfig
from ltw.engine.build import build_method, build_optimizer
from ltw.errors import ConfigError
from ltw.methods import METHODS, Method
from ltw.types import Batch

SIZE = 32
OWN_NETWORK = ("forensic_transfer", "multi_task")
"""Methods that do not train the config's backbone but their paper's network."""


def config(method: str, **fields) -> Config:
    backbone = DetectorConfig(backbone="test_efficientnet", pretrained=False, image_size=SIZE)
    return Config(store="faces", sources=("a", "b"), method=method, detector=backbone, **fields)


def batch(k: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    labels = (torch.arange(k) % 2).float()
    images, counterparts = torch.rand(2, k, 3, SIZE, SIZE, generator=generator)
    masks = (torch.rand(k, SIZE, SIZE, generator=generator) > 0.5) * labels[:, None, None]
    return Batch(
        images,
        labels,
        counterparts,
        1 - labels,
        domains=["real", "a"] * (k // 2),
        masks=masks,
        has_mask=torch.ones(k, dtype=torch.bool),
    )


def state(method: Method) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in method.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_keeps_its_promises(name):
    method = build_method(config(name))
    method.train()
    frozen = next(method.detector.parameters()).requires_grad_(False)
    before = {n: p.clone() for n, p in method.named_parameters()}
    at_first = state(method)

    # backward fills .grad of every trainable parameter, and steps nothing
    logs = method.backward(batch())
    assert logs["loss"].shape == ()
    assert not any(value.requires_grad for value in logs.values())
    for n, parameter in method.named_parameters():
        assert torch.equal(parameter, before[n])
        if parameter.requires_grad:
            assert parameter.grad is not None, n
            assert parameter.grad.shape == parameter.shape
            assert torch.isfinite(parameter.grad).all()
    assert frozen.grad is None
    trainable = [p for p in method.parameters() if p.requires_grad]
    assert all(p.grad.abs().sum() > 0 for p in trainable)

    # a second call replaces the gradients, it does not add to them
    first = {n: p.grad.clone() for n, p in method.named_parameters() if p.requires_grad}
    method.load_state_dict(at_first)
    method.backward(batch())
    for n, grad in first.items():
        assert torch.allclose(method.get_parameter(n).grad, grad), n

    # predict gives probabilities; statistics and each module's mode stay, and no graph is kept
    next(m for m in method.detector.backbone.modules() if isinstance(m, nn.BatchNorm2d)).eval()
    modes = [module.training for module in method.modules()]
    kept = state(method)
    p_fake = method.predict(batch().images)
    assert p_fake.shape == (6,)
    assert ((p_fake >= 0) & (p_fake <= 1)).all()
    assert not p_fake.requires_grad
    assert same(state(method), kept)
    assert [module.training for module in method.modules()] == modes
    assert torch.allclose(method.predict(batch().images[:1]), p_fake[:1], atol=1e-6)  # in eval mode

    # the optimizer's groups are named and hold every parameter once
    groups = method.param_groups()
    assert len({group["name"] for group in groups}) == len(groups)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in method.parameters())


# of noise, no residual can be rebuilt: ForensicTransfer's own tests have faces
@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"basemodel", "forensic_transfer"}))
def test_a_few_steps_learn_one_batch(name):
    """Darker reals, brighter fakes: any method's gradients, stepped along, must tell them apart."""
    settings = config(name, training={"learning_rate": 3e-3})
    method = build_method(settings).train()
    optimizer = build_optimizer(settings, method)
    data = batch()
    data.images = data.images * (0.3 + 0.7 * data.labels[:, None, None, None])
    data.counterpart_images, data.counterpart_labels = data.images, data.labels
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        losses.append(float(method.backward(data)["loss"]))
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_erms_gradient_is_that_of_the_mean_cross_entropy():
    method = build_method(config("alltrain")).train()
    other = copy.deepcopy(method.detector)
    logs = method.backward(batch())
    p = torch.sigmoid(other(batch().images)[0])
    y = batch().labels
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    loss.backward()
    assert logs["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    expected = torch.cat([q.grad.flatten() for q in other.parameters()])
    found = torch.cat([q.grad.flatten() for q in method.detector.parameters()])
    assert torch.linalg.vector_norm(found - expected) < 1e-4 * torch.linalg.vector_norm(expected)


def test_all_methods_of_a_seed_start_from_the_same_detector():
    names = [name for name in METHODS if name not in OWN_NETWORK]
    first, *others = (build_method(config(name, seed=3)).detector for name in names)
    for other in others:
        assert same(state(first), state(other))  # type: ignore[arg-type]
    changed = build_method(config("alltrain", seed=4)).detector
    assert not same(state(first), state(changed))  # type: ignore[arg-type]


def test_each_group_has_its_learning_rate():
    settings = config("ltw", training={"learning_rate": 0.5, "weight_learning_rate": 0.25})
    method = build_method(settings)
    rates = {g["name"]: g["lr"] for g in build_optimizer(settings, method).param_groups}
    assert rates == {"detector": 0.5, "weight_network": 0.25}


def test_ltws_options_reach_it_and_it_shows_weights():
    options = {"alpha": 0.5, "icc_on": "logit", "second_order": "exact"}
    method = build_method(config("ltw", ltw=options))
    assert {name: getattr(method.options, name) for name in options} == options
    weights = method.weigh(batch())["weights"]
    assert weights.shape == (6,)
    assert ((weights > 0) & (weights < 1)).all()


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError, match=r"method = 'altrain'; did you mean 'alltrain'\?"):
        build_method(config("altrain"))


def test_a_method_takes_any_module_as_detector():
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images):
            features = self.conv(images)
            return features.mean((1, 2, 3)), features

    method = METHODS["alltrain"](Plain())
    method.backward(batch())
    assert method.detector.conv.weight.grad is not None
