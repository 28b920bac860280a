"""What every method is: a batch becomes gradients, images become probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from ltw.config import Config, DetectorConfig
from ltw.errors import LTWError
from ltw.models.detector import DetectorNetwork
from ltw.models.functional import gradients
from ltw.types import Batch

Average = Callable[[Sequence[Tensor]], list[Tensor]]
"""Averages gradients over processes; every gradient passes it once, before anything uses it."""

Logs = dict[str, Tensor]
"""What a step reports, detached: scalars by name, and values a face (K,) such as ``weights``."""


class Method(nn.Module, ABC):
    """A way to train ``detector``, a module: images -> (logits (K,), features (K, C, H', W'))."""

    paired = False
    """Whether `backward` needs each face's counterpart from the meta-test domains."""
    needs_masks = False
    """Whether `backward` reads manipulation masks; a batch has none where no training fake has."""
    first_phase: str | None = None
    """Method that is trained first, within the same run; `take_over` is given it as it ended."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector
        self.average: Average = list

    @classmethod
    def build(cls, config: Config) -> Self:
        """Make what ``config`` describes, initialised from PyTorch's generator as it stands.

        A method with options or further networks overrides this. The detector is made first, so
        that all methods of one seed start from the same one.
        """
        return cls(make_detector(config.detector))

    @abstractmethod
    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` of every trainable parameter from one batch; step nothing."""

    def fill_gradients(self, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Make d loss / d parameter, averaged over processes, each parameter's ``.grad``."""
        parameters = list(parameters)
        set_gradients(parameters, self.average(gradients(loss, parameters)))

    def take_over(self, trained: Method) -> None:
        """Begin with what the method ``first_phase`` learned."""

    @torch.no_grad()
    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return what the method says of images float (K, 3, H, W) in [0, 1], each (K,).

        ``p_fake`` always; methods that weigh their training faces add ``weight``.
        """
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            return self._outputs(images)
        finally:
            for module, training in modes:  # each its own: a frozen part stays in evaluation mode
                module.training = training

    def _outputs(self, images: Tensor) -> dict[str, Tensor]:
        logits, _ = self.detector(images)
        return {"p_fake": logits.sigmoid()}

    def predict(self, images: Tensor) -> Tensor:
        """Return P(fake) (K,) of images float (K, 3, H, W) in [0, 1], as trained so far."""
        return self.outputs(images)["p_fake"]

    def param_groups(self) -> list[dict[str, Any]]:
        """Return Adam's groups: ``params`` and a ``name`` by which the learning rate is set.

        A group may set Adam's other options, ``weight_decay`` for example.
        """
        return [{"name": "detector", "params": list(self.detector.parameters())}]


def make_detector(config: DetectorConfig) -> DetectorNetwork:
    """Make the detector that a config describes.

    Raises:
        ConfigError: as `DetectorNetwork` does.
    """
    return DetectorNetwork(
        config.backbone, pretrained=config.pretrained, image_size=config.image_size
    )


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters by name that require gradients."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def set_gradients(parameters: Iterable[nn.Parameter], gradients: Iterable[Tensor]) -> None:
    """Make each tensor of ``gradients`` the ``.grad`` of its parameter."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def require_finite(loss: Tensor, name: str, batch: Batch) -> None:
    """Stop on a NaN or infinite loss.

    Raises:
        LTWError: naming the loss and the batch's rows in the store.
    """
    if not torch.isfinite(loss):
        rows = ", ".join(map(str, batch.indices)) or "of unnamed faces"
        raise LTWError(
            f"{name} is {loss.item()} on the batch {rows} (rows of the store); "
            "look at these faces, or lower the learning rate"
        )
