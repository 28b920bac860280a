import pytest
import torch
from torch import nn

from ltw.models.weight_network import WeightNetwork


def test_pointwise_weights_at_1280_channels_are_the_papers_1_024_million():
    convolutions = [m for m in WeightNetwork(1280).modules() if isinstance(m, nn.Conv2d)]
    pointwise = [m for m in convolutions if m.kernel_size == (1, 1)]
    depthwise = [m for m in convolutions if m.kernel_size == (3, 3) and m.groups == m.in_channels]
    assert sum(m.weight.numel() for m in pointwise) == 1_024_000
    assert len(pointwise) == len(depthwise) == 2
    assert len(convolutions) == 4


@pytest.mark.parametrize("channels", [8, 192, 1408])
def test_one_weight_a_face_between_0_and_1(channels):
    torch.manual_seed(0)
    features = torch.randn(5, channels, 3, 4)
    network = WeightNetwork(channels).eval()
    weights = network(features)
    assert weights.shape == (5,)
    assert ((weights > 0) & (weights < 1)).all()
    assert len(set(weights.tolist())) == 5
    assert torch.allclose(weights[2:3], network(features[2:3]))  # each of its own face alone
    assert WeightNetwork(channels)(features).shape == (5,)  # in training mode too
