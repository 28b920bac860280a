"""LTW's gradients against an oracle: autograd through an explicitly unrolled virtual step."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from smooth import batch, networks, relative_error
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ltw.errors import ConfigError, LTWError
from ltw.methods import LTW, MLDG, LTWWithoutWeights
from ltw.types import Batch


def oracle_loss(logits: Tensor, labels: Tensor, icc_weight: float, icc_on: str) -> Tensor:
    """Eqs. 7-11 written class by class, as the paper prints them, then spread over the faces."""
    out = logits.sigmoid() if icc_on == "probability" else logits
    real, fake = labels == 0, labels == 1
    centre = out[real].mean()
    icc = torch.zeros_like(out)
    icc[real] = (out[real] - centre) ** 2 * (len(out) / real.sum())
    icc[fake] = -((out[fake] - centre) ** 2) * (len(out) / fake.sum())
    return binary_cross_entropy_with_logits(logits, labels, reduction="none") + icc_weight * icc


def oracle_weights(p: Tensor, labels: Tensor, how: str) -> Tensor:
    if how == "batch":
        return p * len(p) / p.sum()
    if how == "class":
        out = p.clone()
        for label in (0, 1):
            out[labels == label] = p[labels == label] / p[labels == label].mean()
        return out
    return p


def oracle_gradients(
    detector: nn.Module,
    weight_network: nn.Module,
    batch: Batch,
    *,
    alpha: float,
    beta: float,
    icc_weight: float,
    icc_on: str,
    how: str,
) -> tuple[list[Tensor], list[Tensor]]:
    """Differentiate T + βM in θ, and M in w, through θ' = θ - α∇T built as a graph."""
    theta, w = dict(detector.named_parameters()), list(weight_network.parameters())
    call = torch.func.functional_call
    logits, features = call(detector, theta, (batch.images,))
    weights = oracle_weights(weight_network(features.detach()), batch.labels, how)
    t = (oracle_loss(logits, batch.labels, icc_weight, icc_on) * weights).mean()
    grads = torch.autograd.grad(t, list(theta.values()), create_graph=True)
    virtual = {n: p - alpha * g for (n, p), g in zip(theta.items(), grads, strict=True)}
    logits, _ = call(detector, virtual, (batch.counterpart_images,))
    m = oracle_loss(logits, batch.counterpart_labels, icc_weight, icc_on).mean()  # type: ignore[arg-type]
    by_w = torch.autograd.grad(m, w, retain_graph=True)
    by_theta = torch.autograd.grad(t + beta * m, list(theta.values()))
    return list(by_theta), list(by_w)


OPTIONS = list(
    itertools.product(
        [False, True],  # BatchNorm
        [0.0, 0.3],  # λ
        ["probability", "logit"],
        ["none", "batch", "class"],
        [0.0, 1.0],  # β
    )
)


@pytest.mark.parametrize(
    ("second_order", "tolerance"), [("exact", 1e-8), ("finite_difference", 1e-3)]
)
@pytest.mark.parametrize(("batch_norm", "icc_weight", "icc_on", "how", "beta"), OPTIONS)
def test_gradients_equal_the_unrolled_step(
    second_order, tolerance, batch_norm, icc_weight, icc_on, how, beta
):
    # α is large, so that the second-order terms are no small part of the whole
    options = {"alpha": 0.5, "beta": beta, "icc_weight": icc_weight, "icc_on": icc_on}
    detector, weight_network = networks(batch_norm)
    expected = oracle_gradients(
        copy.deepcopy(detector), copy.deepcopy(weight_network), batch(), how=how, **options
    )
    method = LTW(
        detector, weight_network, weight_normalization=how, second_order=second_order, **options
    )
    method.backward(batch())
    for module, grads in zip((detector, weight_network), expected, strict=True):
        found = [p.grad for p in module.parameters()]
        assert relative_error(found, grads) <= tolerance


@pytest.mark.parametrize(
    ("second_order", "tolerance"), [("exact", 1e-8), ("finite_difference", 1e-3)]
)
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(MLDG, {}), (LTWWithoutWeights, {"icc_weight": 0.3, "icc_on": "probability"})],
)
def test_without_weights_gradients_equal_the_unrolled_step(
    second_order, tolerance, batch_norm, beta, kind, options
):
    detector, _ = networks(batch_norm)
    theta = dict(detector.named_parameters())
    loss = {"icc_weight": 0.0, "icc_on": "logit"} | options
    call = torch.func.functional_call
    logits, _ = call(detector, theta, (batch().images,))
    f = oracle_loss(logits, batch().labels, **loss).mean()
    grads = torch.autograd.grad(f, list(theta.values()), create_graph=True)
    virtual = {n: p - 0.5 * g for (n, p), g in zip(theta.items(), grads, strict=True)}
    logits, _ = call(detector, virtual, (batch().counterpart_images,))
    g = oracle_loss(logits, batch().counterpart_labels, **loss).mean()
    expected = torch.autograd.grad(f + beta * g, list(theta.values()))

    method = kind(detector, alpha=0.5, beta=beta, second_order=second_order, **options)
    logs = method.backward(batch())
    assert relative_error([p.grad for p in theta.values()], expected) <= tolerance
    assert logs["loss"].item() == pytest.approx(f.item())
    assert logs["meta_test_loss"].item() == pytest.approx(g.item())


def test_the_second_order_term_matters():
    """Without it the comparison above could not fail: the term must be a large share of G_θ."""
    options = {"alpha": 0.5, "icc_weight": 0.3, "icc_on": "probability"}
    full = oracle_gradients(*networks(True), batch(), beta=1.0, how="none", **options)[0]
    detector, weight_network = networks(True)
    method = LTW(detector, weight_network, beta=1.0, second_order="exact", **options)
    method.backward(batch())
    assert relative_error([p.grad for p in detector.parameters()], full) < 1e-8
    first_order = oracle_gradients(*networks(True), batch(), beta=0.0, how="none", **options)[0]
    assert relative_error(first_order, full) > 0.1


@pytest.mark.parametrize("second_order", ["exact", "finite_difference"])
def test_dropout_draws_are_the_same_in_every_pass_at_theta(second_order):
    """The Hessian-vector product must see one function: against the oracle with the same masks."""
    masks = []

    class FixedDropout(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            masks.append((torch.rand(x.shape, dtype=x.dtype) > 0.5) * 2.0)
            return x * masks[-1]

    detector, weight_network = networks(False)
    detector.dropout = FixedDropout()
    torch.manual_seed(11)
    LTW(detector, weight_network, second_order=second_order).backward(batch())
    first, virtual, again = masks
    assert torch.equal(first, again)
    assert not torch.equal(first, virtual)


@pytest.mark.parametrize("second_order", ["exact", "finite_difference"])
def test_random_numbers_go_on_after_a_step(second_order):
    """Replaying the first pass's draws must not rewind the generator for the next batch."""
    detector, weight_network = networks(False, dropout=0.5)
    method = LTW(detector, weight_network, second_order=second_order)
    torch.manual_seed(1)
    method.backward(batch())
    after = torch.rand(3)
    torch.manual_seed(1)
    assert not torch.equal(after, torch.rand(3))
    torch.manual_seed(1)
    method.backward(batch())
    assert torch.equal(after, torch.rand(3))


@pytest.mark.parametrize("second_order", ["exact", "finite_difference"])
def test_running_statistics_move_by_the_meta_train_forward_alone(second_order):
    detector, weight_network = networks(True)
    expected, _ = networks(True)
    expected(batch().images)
    LTW(detector, weight_network, second_order=second_order).backward(batch())
    assert detector.norm.num_batches_tracked == 1
    assert torch.equal(detector.norm.running_mean, expected.norm.running_mean)
    assert torch.equal(detector.norm.running_var, expected.norm.running_var)


def test_backward_steps_nothing():
    detector, weight_network = networks(True)
    before = [p.clone() for m in (detector, weight_network) for p in m.parameters()]
    LTW(detector, weight_network).backward(batch())
    after = [p for m in (detector, weight_network) for p in m.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert all(p.grad is not None and p.grad.shape == p.shape for p in after)


def test_a_face_that_agrees_with_the_meta_test_gains_weight():
    """The sign of Eq. 6: descend w, and faces whose gradient agrees with v weigh more."""
    detector, weight_network = networks(False)
    method = LTW(detector, weight_network, alpha=0.5, second_order="exact", icc_weight=0)
    data = batch()
    data.counterpart_images, data.counterpart_labels = data.images[:3], data.labels[:3]
    losses = []
    for _ in range(60):
        logs = method.backward(data)
        with torch.no_grad():
            for parameter in weight_network.parameters():
                parameter -= 5.0 * parameter.grad
        losses.append(float(logs["meta_test_loss"]))
    assert losses[-1] < losses[0]


def test_every_gradient_passes_the_averaging_hook_once():
    detector, weight_network = networks(True)
    method = LTW(detector, weight_network)
    method.backward(batch())
    plain = [p.grad.clone() for m in (detector, weight_network) for p in m.parameters()]
    calls = []

    def halve(grads):
        calls.append(len(grads))
        return [g / 2 for g in grads]

    method.average = halve
    method.backward(batch())
    n_theta, n_w = (len(list(m.parameters())) for m in (detector, weight_network))
    assert calls == [n_theta, n_theta, n_theta, n_w]  # ∇T, v, ∇²T·v, G_w
    halved = [p.grad for m in (detector, weight_network) for p in m.parameters()]
    assert not torch.allclose(plain[0], halved[0])


def test_a_frozen_weight_network_gets_no_gradient():
    detector, weight_network = networks(True)
    weight_network.requires_grad_(False)
    LTW(detector, weight_network, beta=0.0).backward(batch())
    assert all(p.grad is None for p in weight_network.parameters())
    assert all(p.grad is not None for p in detector.parameters())


def test_non_finite_loss_names_the_batch():
    data = batch()
    data.images[0, 0, 0, 0] = float("nan")
    data.indices = (4, 8, 15)
    with pytest.raises(LTWError, match=r"meta-train loss is nan on the batch 4, 8, 15"):
        LTW(*networks(False)).backward(data)


def test_missing_counterparts_and_wrong_options_are_said():
    data = batch()
    data.counterpart_images = None
    with pytest.raises(LTWError, match="counterpart"):
        LTW(*networks(False)).backward(data)
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        LTW(*networks(False), second_order="exct")
