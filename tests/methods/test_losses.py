"""The losses against Eqs. 7-11 written class by class."""

from __future__ import annotations

import math

import pytest
import torch

from ltw.methods.losses import cross_entropy, intra_class_compactness, ltw_loss


def outputs_and_labels(k: int, n_fake: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(k, dtype=torch.float64)
    labels[torch.randperm(k, generator=generator)[:n_fake]] = 1
    return torch.randn(k, generator=generator, dtype=torch.float64), labels


def test_cross_entropy_of_each_face():
    logits = torch.tensor([0.0, 2.0, 2.0, -80.0])
    labels = torch.tensor([1.0, 1.0, 0.0, 1.0])
    expected = [math.log(2), math.log1p(math.exp(-2)), math.log1p(math.exp(2)), 80.0]
    assert cross_entropy(logits, labels).tolist() == pytest.approx(expected)


def test_compactness_of_a_batch_by_hand():
    outputs, labels = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.0, 0.0, 1.0])
    # C = 2; reals (1-2)² and (3-2)², times 3/2; the fake -(5-2)², times 3/1
    assert intra_class_compactness(outputs, labels).tolist() == [1.5, 1.5, -27.0]


@pytest.mark.parametrize(("k", "n_fake"), [(2, 1), (7, 4), (25, 13), (25, 1), (25, 24)])
def test_mean_over_faces_is_the_difference_of_the_class_means(k, n_fake):
    outputs, labels = outputs_and_labels(k, n_fake)
    reals, fakes = outputs[labels == 0], outputs[labels == 1]
    centre = reals.mean()
    expected = ((reals - centre) ** 2).mean() - ((fakes - centre) ** 2).mean()
    losses = intra_class_compactness(outputs, labels)
    assert losses.shape == (k,)
    assert losses.mean().item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_batch_of_one_class_has_no_compactness_loss(label):
    outputs = torch.randn(5, requires_grad=True)
    labels = torch.full((5,), label)
    assert intra_class_compactness(outputs, labels).tolist() == [0] * 5
    assert torch.equal(ltw_loss(outputs, labels, 0.5, "logit"), cross_entropy(outputs, labels))


def test_the_centre_is_differentiated_through():
    outputs, labels = outputs_and_labels(5, 3)
    outputs.requires_grad_()
    assert torch.autograd.gradcheck(lambda o: intra_class_compactness(o, labels), outputs)
    intra_class_compactness(outputs, labels).mean().backward()
    reals = outputs.grad[labels == 0]
    # through C alone, both reals get 2(mean of fakes - C)/2; a constant C would give them no share
    centre, fakes = outputs[labels == 0].mean(), outputs[labels == 1]
    assert reals.sum().item() == pytest.approx((2 * (fakes.mean() - centre)).item())


@pytest.mark.parametrize("icc_on", ["probability", "logit"])
def test_the_whole_loss_is_differentiable_and_adds_up(icc_on):
    logits, labels = outputs_and_labels(6, 3)
    seen = torch.sigmoid(logits) if icc_on == "probability" else logits
    expected = cross_entropy(logits, labels) + 0.3 * intra_class_compactness(seen, labels)
    assert torch.equal(ltw_loss(logits, labels, 0.3, icc_on), expected)
    assert torch.equal(ltw_loss(logits, labels, 0.0, icc_on), cross_entropy(logits, labels))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda o: ltw_loss(o, labels, 0.3, icc_on), logits)


def test_float32_stays_float32_and_float64_is_not_rounded_to_it():
    outputs, labels = outputs_and_labels(7, 4)
    single = intra_class_compactness(outputs.float(), labels.float())
    assert single.dtype == torch.float32
    double = intra_class_compactness(outputs, labels)
    centre = outputs[labels == 0].mean()
    expected = (outputs[labels == 0] - centre) ** 2 * 7 / 3
    assert torch.allclose(double[labels == 0], expected, rtol=1e-14)
