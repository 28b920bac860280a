"""Checkpoints: everything comes back, whole or not at all."""

import pytest
import torch
from torch import nn

from ltw.engine.checkpoint import load_checkpoint, save_checkpoint
from ltw.errors import DataError


def network(width=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Dropout(0.5))


def trained_steps(method, optimizer, n):
    for _ in range(n):
        optimizer.zero_grad()
        method(torch.randn(2, 3, 5, 5)).square().sum().backward()
        optimizer.step()


def adam(method):
    halves = [{"name": str(i), "params": part.parameters()} for i, part in enumerate(method[:2])]
    return torch.optim.Adam(halves, lr=0.01)


def test_going_on_from_a_checkpoint_is_as_if_never_stopped(tmp_path):
    method = network().to(memory_format=torch.channels_last)
    optimizer = adam(method)
    trained_steps(method, optimizer, 3)
    optimizer.param_groups[1]["lr"] = 0.1 / 3
    progress = {"epoch": 2, "best_auc": 0.1 + 0.2, "note": "é"}
    save_checkpoint(tmp_path / "deep/last.safetensors", method, optimizer, progress)
    trained_steps(method, optimizer, 3)

    other = network().to(memory_format=torch.channels_last)
    resumed = adam(other)
    torch.manual_seed(99)
    assert load_checkpoint(tmp_path / "deep/last.safetensors", other, resumed) == progress
    assert [group["lr"] for group in resumed.param_groups] == [0.01, 0.1 / 3]
    assert [group["name"] for group in resumed.param_groups] == ["0", "1"]
    trained_steps(other, resumed, 3)
    assert all(
        torch.equal(a, b)
        for a, b in zip(method.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_restored_optimizer_keeps_the_parameters_memory_format(tmp_path):
    """Else Adam would mix layouts, which is slower and on a GPU not the same sum."""
    method = network().to(memory_format=torch.channels_last)
    optimizer = adam(method)
    trained_steps(method, optimizer, 1)
    save_checkpoint(tmp_path / "last", method, optimizer, {})
    other = network().to(memory_format=torch.channels_last)
    resumed = adam(other)
    load_checkpoint(tmp_path / "last", other, resumed)
    weight = other[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert resumed.state[weight]["exp_avg"].stride() == weight.stride()


def test_without_an_optimizer_the_random_state_is_left_alone(tmp_path):
    method = network()
    save_checkpoint(tmp_path / "best", method, adam(method), {"epoch": 1})
    other = network()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert load_checkpoint(tmp_path / "best", other) == {"epoch": 1}
    assert torch.equal(torch.get_rng_state(), before)


def test_a_failed_save_keeps_the_checkpoint_before_it(tmp_path, monkeypatch):
    method = network()
    save_checkpoint(tmp_path / "last", method, adam(method), {"epoch": 1})

    def half_written(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ltw.engine.checkpoint.save_file", half_written)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(tmp_path / "last", method, adam(method), {"epoch": 2})
    assert load_checkpoint(tmp_path / "last", network()) == {"epoch": 1}


def damaged(path):
    path.write_bytes(path.read_bytes()[:100])


def text(path):
    path.write_text("not tensors")


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), damaged, text])
def test_unusable_checkpoints_are_named(tmp_path, spoil):
    method = network()
    save_checkpoint(tmp_path / "last", method, adam(method), {})
    spoil(tmp_path / "last")
    with pytest.raises(DataError, match=r"last: no usable checkpoint"):
        load_checkpoint(tmp_path / "last", method)


def test_another_backbone_is_named(tmp_path):
    method = network()
    save_checkpoint(tmp_path / "last", method, adam(method), {})
    with pytest.raises(DataError, match=r"last: of another method or backbone$"):
        load_checkpoint(tmp_path / "last", network(width=5))
