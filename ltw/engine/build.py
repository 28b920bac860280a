"""From a config to the objects it describes."""

from __future__ import annotations

from typing import Any

import torch

from ltw.config import Config
from ltw.errors import ConfigError, LTWError, did_you_mean
from ltw.methods import METHODS, Method

BETAS = (0.9, 0.999)
DEVICES = ("cpu", "cuda", "mps", "xpu")
"""Kinds of devices that hold values; PyTorch's ``meta`` holds none."""


def build_method(config: Config) -> Method:
    """Build the config's method, initialised from its seed.

    Raises:
        ConfigError: the method or the backbone does not exist.
    """
    if config.method not in METHODS:
        raise ConfigError(f"method = {config.method!r}{did_you_mean(config.method, METHODS)}")
    torch.manual_seed(config.seed)
    return METHODS[config.method].build(config.detector, config.sources, config.options)


def build_optimizer(config: Config, method: Method) -> torch.optim.Adam:
    """Adam, with the learning rate of each parameter group; the method may read its moments."""
    rates = {
        "detector": config.training.learning_rate,
        "decoder": config.training.learning_rate,
        "weight_network": config.training.weight_learning_rate,
    }
    groups: list[dict[str, Any]] = [{**g, "lr": rates[g["name"]]} for g in method.param_groups()]
    adam = torch.optim.Adam(groups, betas=BETAS)

    def second_moment(parameter: torch.nn.Parameter) -> torch.Tensor | None:
        state = adam.state.get(parameter)
        if not state:
            return None
        corrected: torch.Tensor = state["exp_avg_sq"] / (1 - BETAS[1] ** float(state["step"]))
        return corrected

    method.second_moment = second_moment
    return adam


def choose_device(name: str) -> torch.device:
    """Return the device a config names; ``auto`` is a GPU where there is one.

    Raises:
        ConfigError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in DEVICES:
            raise ConfigError(f"training.device = {name!r}{did_you_mean(name, ('auto', *DEVICES))}")
        torch.zeros(1, device=device)
    except LTWError:
        raise
    except Exception as error:  # backends that are not there fail in their own ways
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigError(f"training.device = {name!r}: {reason}") from None
    return device
