"""Options of the meta-learning methods against autograd through an unrolled step, in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from smooth import K, batch, networks, relative_error
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from ltw.config import Config, DetectorConfig
from ltw.engine.build import build_method, build_optimizer
from ltw.errors import ConfigError, LTWError
from ltw.methods import LTW, METHODS, MLDG, LTWWithoutWeights, PairedERM
from ltw.models.weight_network import WeightNetwork, WeightNetworkOptions
from ltw.types import Batch

ALPHA = 0.5  # large, so that second-order terms are no small part of the whole
BOTH = pytest.mark.parametrize(
    ("second_order", "tolerance"), [("exact", 1e-8), ("finite_difference", 1e-3)]
)
call = torch.func.functional_call


def grads(module: nn.Module) -> list[Tensor]:
    return [p.grad for p in module.parameters()]


def ce(logits: Tensor, labels: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, labels, reduction="none")


def others(seed: int = 9) -> tuple[Tensor, Tensor]:
    """A second set of counterparts."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(K, 3, 8, 8, generator=generator, dtype=torch.float64)
    return images, 1 - batch().labels


def cues_of(losses: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    rows = [
        [min(loss, 6.0), max(-6.0, min(6.0, logit if y == 1 else -logit)), y]
        for loss, logit, y in zip(losses.tolist(), logits.tolist(), labels.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=torch.float64)


class Oracle:
    """T, θ' as a graph, M on both sets of counterparts, and slopes face by face."""

    def __init__(self, detector, weights_of, data: Batch, *, scale=None, class_mean=False) -> None:
        self.theta = dict(detector.named_parameters())
        scale = scale or dict.fromkeys(self.theta, 1.0)
        logits, features = call(detector, self.theta, (data.images,))
        self.losses = ce(logits, data.labels)
        self.p = weights_of(features.detach(), self.losses.detach(), logits.detach(), data.labels)
        if class_mean:
            self.p = self.p.clone()
            for y in (0, 1):
                own = data.labels == y
                self.p = torch.where(own, self.p / self.p[own].mean(), self.p)
        self.t = (self.losses * self.p).mean()
        gradient = torch.autograd.grad(self.t, list(self.theta.values()), create_graph=True)
        self.virtual = {
            name: p - ALPHA * scale[name] * g
            for (name, p), g in zip(self.theta.items(), gradient, strict=True)
        }
        self.detector, self.scale = detector, scale

    def meta_test(self, images: Tensor, labels: Tensor) -> Tensor:
        return ce(call(self.detector, self.virtual, (images,))[0], labels).mean()

    def by(self, output: Tensor, inputs) -> list[Tensor]:
        inputs = list(inputs)
        found = torch.autograd.grad(output, inputs, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]

    def slopes(self, images: Tensor, labels: Tensor) -> Tensor:
        """∇L_i · D v of each face, v the gradient of M at θ' as a leaf."""
        at = {name: p.detach().clone().requires_grad_() for name, p in self.virtual.items()}
        m = ce(call(self.detector, at, (images,))[0], labels).mean()
        v = torch.autograd.grad(m, list(at.values()))
        along = [g * s for g, s in zip(v, self.scale.values(), strict=True)]
        return torch.stack(
            [
                sum((a * b).sum() for a, b in zip(gradient, along, strict=True))
                for gradient in (self.by(loss, self.theta.values()) for loss in self.losses)
            ]
        )


# What p(w) is and reads

NETWORKS = [
    (form, WeightNetworkOptions(**options), how)
    for form in ("sigmoid", "one-plus-sigmoid")
    for options, how in (
        ({}, "none"),
        ({"norm": "group"}, "class"),
        ({"norm": "none"}, "none"),
        ({"norm": "none", "zero_head": True}, "class"),
        ({"input": "loss"}, "none"),
        ({"input": "loss"}, "class"),
        ({"input": "features+loss"}, "class"),
    )
]


def shaken(network: nn.Module, seed: int = 4) -> nn.Module:
    """Away from where it starts: a zero head has no gradient below it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in network.parameters():
            p += 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return network


@pytest.mark.parametrize(("form", "options", "how"), NETWORKS)
def test_every_weight_network_gets_the_unrolled_gradient(form, options, how):
    detector, _ = networks(True)
    torch.manual_seed(2)
    network = shaken(WeightNetwork(8, form, options).double())
    other, data = copy.deepcopy(network), batch()

    def weights_of(features, losses, logits, labels):
        if options.input == "features":
            return other(features)
        return other(features, cues_of(losses, logits, labels))

    torch.manual_seed(6)  # dropout in the head of the public code's form
    oracle = Oracle(copy.deepcopy(detector), weights_of, data, class_mean=how == "class")
    m = oracle.meta_test(data.counterpart_images, data.counterpart_labels)
    by_w = oracle.by(m, other.parameters())
    by_theta = oracle.by(oracle.t + m, oracle.theta.values())
    method = LTW(
        detector,
        network,
        alpha=ALPHA,
        icc_weight=0,
        second_order="exact",
        weight_form=form,
        weight_network=options,
        weight_normalization=how,
    )
    torch.manual_seed(6)
    logs = method.backward(data)
    assert relative_error(grads(detector), by_theta) < 1e-8
    assert sum(float(g.square().sum()) for g in by_w) > 0
    assert relative_error(grads(network), by_w) < 1e-8
    low = 1.0 if form == "one-plus-sigmoid" else 0.0
    assert ((logs["weights"] > low) & (logs["weights"] < low + 1)).all()
    assert len(logs["weights"].unique()) > 1


@pytest.mark.parametrize("reads", ["loss", "features+loss"])
def test_a_network_that_reads_losses_starts_with_one_weight_and_can_leave_it(reads):
    detector, _ = networks(True)
    network = WeightNetwork(8, options=WeightNetworkOptions(input=reads, norm="none")).double()
    method = LTW(detector, network, weight_network={"input": reads})
    logs = method.backward(batch())
    expected = torch.full((K,), torch.tensor(1.0).sigmoid().item(), dtype=torch.float64)
    torch.testing.assert_close(logs["weights"], expected)
    assert any(g.abs().sum() > 0 for g in grads(network))


def test_losses_and_margins_are_clipped_and_detached():
    """The network of weights.md: (loss, margin, label) -> 64 ReLU -> 1, by hand."""
    network = shaken(WeightNetwork(8, options=WeightNetworkOptions(input="loss")).double())
    seen = []

    class FarOff(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

        def forward(self, images):
            return self.scale * torch.linspace(-20, 20, K).double(), images

    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    method = LTW(FarOff(), network, weight_network={"input": "loss"}, icc_weight=0)
    p = method.backward(batch())["weights"]
    logits, y = torch.linspace(-20, 20, K).double(), batch().labels
    torch.testing.assert_close(seen[0], cues_of(ce(logits, y), logits, y))
    assert seen[0][:, 0].max() == 6
    assert seen[0][:, 1].min() == -6
    assert seen[0][:, 1].max() == 6
    assert not seen[0].requires_grad
    first, last = (m for m in network.head if isinstance(m, nn.Linear))
    by_hand = relu(seen[0] @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(p, by_hand.squeeze(1).sigmoid().detach())


def test_the_public_codes_form_is_not_trained_where_the_config_says_so():
    detector, network = networks(True)
    method = LTW(detector, network, train_weights=False)
    method.backward(batch())
    assert all(p.grad is None for p in network.parameters())
    assert all(p.grad is not None for p in detector.parameters())


# The virtual step


@BOTH
@pytest.mark.parametrize("kind", [LTW, MLDG, LTWWithoutWeights])
def test_a_preconditioned_step_is_the_unrolled_one(second_order, tolerance, kind):
    detector, network = networks(True)
    data, other = batch(), copy.deepcopy(network)
    generator = torch.Generator().manual_seed(8)
    moments = {
        name: torch.rand(p.shape, generator=generator, dtype=p.dtype) + 0.05
        for name, p in detector.named_parameters()
    }
    scale = {name: 1 / (u.sqrt() + 1e-8) for name, u in moments.items()}
    ones = kind is not LTW

    def weights_of(features, *_):
        return torch.ones(K, dtype=torch.float64) if ones else other(features)

    oracle = Oracle(copy.deepcopy(detector), weights_of, data, scale=scale)
    m = oracle.meta_test(data.counterpart_images, data.counterpart_labels)
    options = {"alpha": ALPHA, "preconditioned": True, "second_order": second_order}
    options |= {} if kind is MLDG else {"icc_weight": 0}
    method = kind(detector, *([] if ones else [network]), **options)
    by_id = {id(p): moments[name] for name, p in detector.named_parameters()}
    method.second_moment = lambda p: by_id[id(p)]
    method.backward(data)
    expected = oracle.by(oracle.t + m, oracle.theta.values())
    assert relative_error(grads(detector), expected) < tolerance
    if not ones:
        by_w = oracle.by(m, other.parameters())
        assert relative_error(grads(network), by_w) < tolerance
    plain = kind(copy.deepcopy(method.detector), *([] if ones else [copy.deepcopy(network)]))
    plain.backward(data)
    assert relative_error(grads(plain.detector), expected) > 0.05  # else this could not fail


def test_the_second_moment_is_adams():
    config = Config(
        store="faces",
        sources=("a", "b"),
        detector=DetectorConfig(backbone="test_efficientnet", pretrained=False, image_size=32),
        ltw={"preconditioned": True, "second_order": "exact"},
    )
    method = build_method(config).train()
    optimizer = build_optimizer(config, method)
    theta = next(method.detector.parameters())
    assert method.second_moment(theta) is None
    squares = torch.zeros_like(theta)
    images, counterparts = torch.rand(2, 4, 3, 32, 32)
    labels = (torch.arange(4) % 2).float()
    for n in range(1, 4):
        method.backward(Batch(images, labels, counterparts, 1 - labels))
        squares = 0.999 * squares + 0.001 * theta.grad.square()
        optimizer.step()
        torch.testing.assert_close(method.second_moment(theta), squares / (1 - 0.999**n))


# Who judges weights


@BOTH
@pytest.mark.parametrize("how", ["none", "class"])
def test_other_counterparts_judge_weights_alone(second_order, tolerance, how):
    detector, network = networks(True)
    data, other = batch(), copy.deepcopy(network)
    oracle = Oracle(
        copy.deepcopy(detector), lambda f, *_: other(f), data, class_mean=how == "class"
    )
    m = oracle.meta_test(data.counterpart_images, data.counterpart_labels)
    by_theta = oracle.by(oracle.t + m, oracle.theta.values())
    by_w = oracle.by(oracle.meta_test(*others()), other.parameters())
    assert relative_error(oracle.by(m, other.parameters()), by_w) > 0.05  # the sets differ

    data.weight_counterparts = others()
    options = {"alpha": ALPHA, "icc_weight": 0, "weight_normalization": how}
    LTW(detector, network, second_order=second_order, **options).backward(data)
    assert relative_error(grads(detector), by_theta) < tolerance
    assert relative_error(grads(network), by_w) < tolerance
    assert detector.norm.num_batches_tracked == 1


@BOTH
def test_slopes_are_averaged_over_a_faces_visits(second_order, tolerance):
    detector, network = networks(True)
    other = copy.deepcopy(network)
    first, second = batch(), batch()
    first.indices, second.indices = range(10, 10 + K), (12, 30, 10, 31, 32, 33, 14)
    second.images = second.images.flip(0)
    method = LTW(
        detector,
        network,
        alpha=ALPHA,
        icc_weight=0,
        slope_memory=0.75,
        weight_normalization="class",
        second_order=second_order,
    )
    method.backward(first)
    method.load_state_dict(copy.deepcopy(method).state_dict())  # what is remembered is saved
    method.backward(second)

    remembered: dict[int, float] = {}
    for data in (first, second):
        oracle = Oracle(copy.deepcopy(detector), lambda f, *_: other(f), data, class_mean=True)
        slopes = oracle.slopes(data.counterpart_images, data.counterpart_labels)
        for face, slope in zip(data.indices, slopes.tolist(), strict=True):
            before = remembered.get(face, slope)
            remembered[face] = 0.75 * before + 0.25 * slope
    means = torch.tensor([remembered[face] for face in second.indices], dtype=torch.float64)
    assert not torch.allclose(means, slopes, rtol=0.05)
    by_w = oracle.by(-ALPHA * (means * oracle.p).mean(), other.parameters())
    assert relative_error(grads(network), by_w) < tolerance

    with pytest.raises(LTWError, match="names 0 of 7"):
        method.backward(batch())


# Warm-up


@pytest.mark.parametrize("kind", [LTW, MLDG, LTWWithoutWeights])
def test_warm_up_steps_descend_the_mean_loss_and_then_the_method_begins(kind):
    detector, network = networks(True)
    options = {} if kind is MLDG else {"icc_weight": 0}
    parts = [network] if kind is LTW else []
    method = kind(detector, *parts, warm_up=2, **options)
    cold = kind(copy.deepcopy(detector), *copy.deepcopy(parts), **options)
    oracle = copy.deepcopy(detector)
    ce(oracle(batch().images)[0], batch().labels).mean().backward()
    for _ in range(2):
        assert method.backward(batch()).keys() == {"loss"}
        assert relative_error(grads(detector), grads(oracle)) < 1e-10
        assert all(p.grad is None for p in network.parameters())
        saved = method.state_dict()
    cold.backward(batch())
    method.load_state_dict(saved)
    assert "meta_test_loss" in method.backward(batch())
    assert relative_error(grads(detector), grads(cold.detector)) < 1e-10
    assert kind is not LTW or relative_error(grads(network), grads(cold.weight_network)) < 1e-10


# Paired ERM


def test_paired_erms_gradient_is_that_of_both_halves_together():
    detector, _ = networks(True)
    other, data = copy.deepcopy(detector), batch()
    logs = PairedERM(detector).backward(data)
    images = torch.cat([data.images, data.counterpart_images])
    labels = torch.cat([data.labels, data.counterpart_labels])
    loss = ce(other(images)[0], labels).mean()
    loss.backward()
    assert logs["loss"].item() == pytest.approx(loss.item())
    assert relative_error(grads(detector), grads(other)) < 1e-10
    data.counterpart_images = None
    with pytest.raises(LTWError, match="PairedERM needs each face's counterpart"):
        PairedERM(detector).backward(data)


# By the config


def config(method: str = "ltw", **fields) -> Config:
    backbone = DetectorConfig(backbone="test_efficientnet", pretrained=False, image_size=32)
    return Config(store="faces", sources=("a", "b"), method=method, detector=backbone, **fields)


@pytest.mark.parametrize(
    ("method", "options", "pairings"),
    [
        ("alltrain", {}, ()),
        ("ltw", {}, ("same video",)),
        ("ltw", {"counterparts": "other person"}, ("other person",)),
        ("ltw", {"weight_counterparts": "other person"}, ("same video", "other person")),
        ("ltw", {"weight_counterparts": "same video"}, ("same video",)),
        (
            "ltw",
            {"counterparts": "other person", "weight_counterparts": "same video"},
            ("other person", "same video"),
        ),
        ("ltw-without-meta-test", {"weight_counterparts": "other person"}, ()),
        ("ltw-without-weights", {"weight_counterparts": "other person"}, ("same video",)),
        ("mldg", {"counterparts": "other person"}, ("other person",)),
        ("alltrain-paired", {"counterparts": "other person"}, ("other person",)),
    ],
)
def test_which_counterparts_a_method_asks_for(method, options, pairings):
    section = METHODS[method].section
    settings = config(method, **({section: options} if section else {}))
    assert build_method(settings).pairings == pairings


def test_w_alone_has_a_weight_decay():
    settings = config(ltw={"weight_decay": 0.25})
    groups = build_optimizer(settings, build_method(settings)).param_groups
    assert {g["name"]: g["weight_decay"] for g in groups} == {"detector": 0, "weight_network": 0.25}


def test_a_wrong_option_of_the_weight_network_is_said():
    with pytest.raises(ConfigError, match=r"LTW: weight_network.norm = 'layer': Input should be"):
        LTW(*networks(False), weight_network={"norm": "layer"})
