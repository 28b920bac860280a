"""Focal loss, GroupDRO, SAM and the two-phase ablation, each against its equations."""

from __future__ import annotations

import copy

import pytest
import torch
from smooth import batch, networks, relative_error
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import sigmoid_focal_loss

from ltw.errors import LTWError
from ltw.methods import LTW, SAM, Focal, GroupDRO, LTWWithoutMetaTest
from ltw.methods.losses import cross_entropy, focal_loss
from ltw.types import Batch


def grads(module: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in module.parameters()]


def loss_of(detector: nn.Module, data: Batch) -> Tensor:
    return binary_cross_entropy_with_logits(detector(data.images)[0], data.labels)


# Focal loss


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_is_torchvisions(gamma):
    logits = torch.linspace(-9, 9, 19, dtype=torch.float64)
    labels = (torch.arange(19) % 2).double()
    expected = sigmoid_focal_loss(logits, labels, alpha=-1, gamma=gamma)
    torch.testing.assert_close(focal_loss(logits, labels, gamma), expected, rtol=1e-9, atol=1e-15)
    if gamma == 0:
        torch.testing.assert_close(expected, cross_entropy(logits, labels))


def test_focal_gradients_are_finite_where_the_probability_is_one():
    logits = torch.tensor([-200.0, 0.0, 200.0, 200.0], requires_grad=True)
    focal_loss(logits, torch.tensor([0.0, 1.0, 1.0, 0.0]), 0.5).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[3] == 1  # wrong and certain: as steep as cross-entropy


def test_focals_gradient_is_that_of_the_mean_focal_loss():
    detector, _ = networks(True)
    other = copy.deepcopy(detector)
    Focal(detector, gamma=2.0).backward(batch())
    logits, _ = other(batch().images)
    sigmoid_focal_loss(logits, batch().labels, alpha=-1, gamma=2, reduction="mean").backward()
    assert relative_error(grads(detector), grads(other)) < 1e-10


# Sharpness-aware minimisation


def test_sams_gradient_is_taken_at_the_worst_point_nearby():
    detector, _ = networks(True)
    other = copy.deepcopy(detector)
    logs = SAM(detector, rho=0.3).backward(batch())
    loss = loss_of(other, batch())
    loss.backward()
    at_theta = grads(other)
    length = torch.cat([g.flatten() for g in at_theta]).norm()
    with torch.no_grad():
        for p in other.parameters():
            p += 0.3 * p.grad / length
    other.zero_grad()
    worse = loss_of(other, batch())
    worse.backward()
    assert relative_error(grads(detector), grads(other)) < 1e-10
    assert relative_error(at_theta, grads(other)) > 0.01  # else this could not fail
    assert logs["loss"].item() == pytest.approx(loss.item())
    assert logs["sharpness"].item() == pytest.approx((worse - loss).item())
    assert logs["sharpness"] > 0


def test_sam_moves_statistics_once_and_replays_dropout():
    masks = []

    class FixedDropout(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            masks.append(torch.rand(x.shape, dtype=x.dtype))
            return x * masks[-1]

    detector, _ = networks(True)
    detector.dropout = FixedDropout()
    expected, _ = networks(True)
    expected(batch().images)
    SAM(detector).backward(batch())
    assert torch.equal(*masks)
    assert detector.norm.num_batches_tracked == 1
    assert torch.equal(detector.norm.running_var, expected.norm.running_var)


def test_sam_without_a_slope_stays():
    detector, _ = networks(False)
    detector.requires_grad_(False).head.weight.requires_grad_()
    data = batch()
    data.images, data.labels = torch.zeros_like(data.images), torch.full_like(data.labels, 0.5)
    with torch.no_grad():
        detector.head.bias.zero_()
        detector.head.weight.zero_()
    SAM(detector).backward(data)
    assert torch.equal(detector.head.weight.grad, torch.zeros_like(detector.head.weight))


# Group distributionally robust optimisation

DOMAINS = ("real", "a", "b", "real", "a", "real", "b")  # labels 0 1 1 0 1 0 1


def grouped(*rows: int) -> Batch:
    data = batch()
    keep = list(rows or range(7))
    return Batch(data.images[keep], data.labels[keep], domains=[DOMAINS[i] for i in keep])


def test_group_dro_by_its_algorithm():
    detector, _ = networks(False)
    other = copy.deepcopy(detector)
    method = GroupDRO(detector, ("a", "b", "absent"), step_size=0.5).double()
    q = torch.full((4,), 0.25, dtype=torch.float64)
    members = {0: [0, 3, 5], 1: [1, 4], 2: [2, 6]}
    for _ in range(3):  # q goes on from step to step
        logs = method.backward(grouped())
        logits, _ = other(batch().images)
        losses = binary_cross_entropy_with_logits(logits, batch().labels, reduction="none")
        by_group = {g: losses[rows].mean() for g, rows in members.items()}
        for g, loss in by_group.items():
            q[g] *= torch.exp(0.5 * loss.detach())
        q /= q.sum()
        other.zero_grad()
        total = sum(q[g] * loss for g, loss in by_group.items())
        total.backward()
        torch.testing.assert_close(method.q, q)
        assert relative_error(grads(detector), grads(other)) < 1e-10
        assert logs["loss"].item() == pytest.approx(total.item())
    assert method.q[3] < 0.25 < method.q.max()
    assert {n for n in logs if n.startswith("q/")} == {"q/real", "q/a", "q/b", "q/absent"}
    assert "q" in method.state_dict()


def test_group_dro_over_two_processes_is_that_of_the_whole_batch():
    """Each process is played in turn; the hook answers with the mean of what both would send."""
    detector, _ = networks(False)
    whole = GroupDRO(copy.deepcopy(detector), ("a", "b"), step_size=0.5).double()
    whole.backward(grouped(0, 1, 2, 3))
    shards = [grouped(0, 1), grouped(2, 3)]  # the second has no "a", the first no "b"

    def with_answers(shard: Batch, answers: list[list[Tensor]]) -> tuple[GroupDRO, list]:
        method = GroupDRO(copy.deepcopy(detector), ("a", "b"), step_size=0.5).double()
        sent: list[list[Tensor]] = []

        def average(values):
            sent.append([v.clone() for v in values])
            return answers[len(sent) - 1] if len(sent) <= len(answers) else list(values)

        method.average = average
        method.backward(shard)
        return method, sent

    answers: list[list[Tensor]] = []
    for exchange in range(2):  # first the groups' losses, then the gradients
        sent = [with_answers(shard, answers)[1][exchange] for shard in shards]
        answers.append([(x + y) / 2 for x, y in zip(*sent, strict=True)])
    for shard in shards:
        method, sent = with_answers(shard, answers)
        assert len(sent) == 2
        torch.testing.assert_close(method.q, whole.q)
        assert relative_error(grads(method.detector), grads(whole.detector)) < 1e-10


def test_group_dro_names_what_it_does_not_know():
    method = GroupDRO(networks(False)[0], ("a",))
    with pytest.raises(LTWError, match="one of real, a; the batch has b for 7 faces"):
        method.backward(grouped())
    with pytest.raises(LTWError, match="the batch has 0 for 7 faces"):
        method.backward(batch())


# Without meta-test


@pytest.mark.parametrize("how", ["none", "class"])
def test_the_second_phase_descends_the_weighted_loss(how):
    detector, weight_network = networks(True)
    other, trained = networks(True)
    with torch.no_grad():
        for p in trained.parameters():
            p += 0.3
    trained(other(batch().images)[1])  # moves its statistics, too
    other, _ = networks(True)
    options = {"icc_weight": 0.3, "weight_normalization": how}
    method = LTWWithoutMetaTest(detector, weight_network, **options)
    method.take_over(LTW(other, trained, **options))
    method.train()
    frozen = copy.deepcopy(weight_network.state_dict())
    data = batch()
    data.counterpart_images = data.counterpart_labels = None
    logs = method.backward(data)

    logits, features = other(data.images)
    p = trained.eval()(features).detach()
    weights = p.clone()
    if how == "class":
        for label in (0, 1):
            weights[data.labels == label] /= p[data.labels == label].mean()
    (method.losses(logits, data.labels) * weights).mean().backward()
    assert relative_error(grads(detector), grads(other)) < 1e-10
    torch.testing.assert_close(logs["weights"], p)
    assert all(p.grad is None for p in weight_network.parameters())
    after = weight_network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in frozen.items())
