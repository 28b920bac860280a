"""Tiny autoencoders, against the family's equations written down a second time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from ltw.errors import DataError
from ltw.models.taef import autoencoder_digest, load_autoencoder


def weights(shape, rng, scale=0.15):
    return torch.from_numpy(rng.normal(0, scale, shape).astype(np.float32))


def block(state, n, c_in, c_out, rng, pooled=False):
    for k, width in ((0, c_in), (2, c_out), (4, c_out)):
        state[f"{n}.conv.{k}.weight"] = weights((c_out, width, 3, 3), rng)
        state[f"{n}.conv.{k}.bias"] = weights((c_out,), rng)
    if c_in != c_out:
        state[f"{n}.skip.weight"] = weights((c_out, c_in, 1, 1), rng)
    if pooled:
        state[f"{n}.pool.0.weight"] = weights((4 * c_in, c_in, 1, 1), rng)
        state[f"{n}.pool.1.weight"] = weights((4 * c_in,), rng)
        state[f"{n}.pool.1.bias"] = weights((4 * c_in,), rng)
        state[f"{n}.pool.3.weight"] = weights((c_in, 4 * c_in, 1, 1), rng)


def conv(state, n, c_in, c_out, rng, bias=True):
    state[f"{n}.weight"] = weights((c_out, c_in, 3, 3), rng)
    if bias:
        state[f"{n}.bias"] = weights((c_out,), rng)


def family(latent, width=8, pooled=True, widen=False):
    """State dicts of an encoder and a decoder in the family's order; ``widen`` needs a skip."""
    rng = np.random.default_rng(latent)
    encoder, decoder = {}, {}
    wide = 2 * width if widen else width
    conv(encoder, 0, 3, width, rng)
    block(encoder, 1, width, wide, rng)
    for start in (2, 6, 10):
        conv(encoder, start, wide, wide, rng, bias=False)
        for n in range(start + 1, start + 4):
            block(encoder, n, wide, wide, rng, pooled and start == 10)
    conv(encoder, 14, wide, latent, rng)
    conv(decoder, 1, latent, width, rng)
    for start in (3, 8, 13):
        for n in range(start, start + 3):
            block(decoder, n, width, width, rng, pooled and start == 3)
        conv(decoder, start + 4, width, width, rng, bias=False)
    block(decoder, 18, width, width, rng)
    conv(decoder, 19, width, 3, rng)
    return encoder, decoder


def save(folder: Path, encoder, decoder) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(encoder, folder / "encoder.safetensors")
    save_file(decoder, folder / "decoder.safetensors")
    return folder


def oracle_block(x, s, n):
    if f"{n}.pool.0.weight" in s:
        hidden = F.conv2d(x, s[f"{n}.pool.0.weight"])
        hidden = F.group_norm(hidden, 4, s[f"{n}.pool.1.weight"], s[f"{n}.pool.1.bias"])
        x = x + F.conv2d(F.relu(hidden), s[f"{n}.pool.3.weight"])
    y = x
    for k in (0, 2, 4):
        y = F.conv2d(
            F.relu(y) if k else y, *(s[f"{n}.conv.{k}.{p}"] for p in ("weight", "bias")), 1, 1
        )
    skip = s.get(f"{n}.skip.weight")
    return F.relu(y + (x if skip is None else F.conv2d(x, skip)))


def oracle_encode(x, s):
    x = oracle_block(F.conv2d(x, s["0.weight"], s["0.bias"], 1, 1), s, 1)
    for start in (2, 6, 10):
        x = F.conv2d(x, s[f"{start}.weight"], None, 2, 1)
        for n in (1, 2, 3):
            x = oracle_block(x, s, start + n)
    return F.conv2d(x, s["14.weight"], s["14.bias"], 1, 1)


def oracle_decode(z, s):
    x = F.relu(F.conv2d(3 * torch.tanh(z / 3), s["1.weight"], s["1.bias"], 1, 1))
    for start in (3, 8, 13):
        for n in (0, 1, 2):
            x = oracle_block(x, s, start + n)
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = F.conv2d(x, s[f"{start + 4}.weight"], None, 1, 1)
    return F.conv2d(oracle_block(x, s, 18), s["19.weight"], s["19.bias"], 1, 1).clamp(0, 1)


@pytest.mark.parametrize(
    "kind", [{"latent": 4, "pooled": False}, {"latent": 32}, {"latent": 16, "widen": True}]
)
def test_the_state_dict_decides_the_network(tmp_path, kind):
    encoder, decoder = family(**kind)
    autoencoder = load_autoencoder(save(tmp_path / "a", encoder, decoder))
    assert autoencoder.stride == 8
    images = np.random.default_rng(0).random((2, 24, 16, 3), np.float32)
    latents = autoencoder.encode(images)
    assert latents.shape == (2, 3, 2, kind["latent"])
    expected = oracle_encode(torch.from_numpy(images).permute(0, 3, 1, 2), encoder)
    np.testing.assert_allclose(latents, expected.permute(0, 2, 3, 1), rtol=1e-4, atol=1e-4)
    made = autoencoder.decode(latents)
    expected = oracle_decode(torch.from_numpy(latents).permute(0, 3, 1, 2), decoder)
    np.testing.assert_allclose(made, expected.permute(0, 2, 3, 1), rtol=1e-4, atol=1e-4)
    assert np.ptp(made) > 0.05


def test_what_does_not_fit_is_named(tmp_path):
    encoder, decoder = family(4)
    with pytest.raises(DataError, match=r"none/encoder\.safetensors: no such file; an autoencoder"):
        load_autoencoder(tmp_path / "none")
    with pytest.raises(DataError, match=r"encoder's latent has 4 channels and its decoder takes 8"):
        load_autoencoder(save(tmp_path / "mixed", encoder, family(8)[1]))
    other = {"down.0.weight": torch.zeros(2)}
    with pytest.raises(DataError, match=r"encoder\.safetensors: not the weights of .* TAESD"):
        load_autoencoder(save(tmp_path / "other", other, decoder))
    missing = {k: v for k, v in encoder.items() if k != "5.conv.2.bias"}
    with pytest.raises(DataError, match=r"5\.conv\.2\.bias"):
        load_autoencoder(save(tmp_path / "missing", missing, decoder))
    extra = encoder | {"5.norm.weight": torch.zeros(8)}
    with pytest.raises(DataError, match=r"5\.norm\.weight"):
        load_autoencoder(save(tmp_path / "extra", extra, decoder))
    (save(tmp_path / "cut", encoder, decoder) / "decoder.safetensors").write_bytes(b"cut")
    with pytest.raises(DataError, match=r"decoder\.safetensors: damaged"):
        load_autoencoder(tmp_path / "cut")


def test_the_digest_is_of_both_files(tmp_path):
    encoder, decoder = family(4)
    one = autoencoder_digest(save(tmp_path / "one", encoder, decoder))
    assert one == autoencoder_digest(save(tmp_path / "two", encoder, decoder))
    changed = decoder | {"19.bias": decoder["19.bias"] + 1}
    assert one != autoencoder_digest(save(tmp_path / "three", encoder, changed))
    with pytest.raises(DataError, match="no such file"):
        autoencoder_digest(tmp_path / "none")
