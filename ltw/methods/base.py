"""What every method is: a batch becomes gradients, images become probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from ltw.errors import LTWError
from ltw.models.detector import DetectorNetwork
from ltw.models.functional import gradients
from ltw.palette import INK, Colour
from ltw.sections import DetectorConfig, Section, validate
from ltw.types import Batch

Average = Callable[[Sequence[Tensor]], list[Tensor]]
"""Averages gradients over processes; every gradient passes it once, before anything uses it."""

SecondMoment = Callable[[nn.Parameter], Tensor | None]
"""The optimizer's running mean of a parameter's squared gradient; None before its first step."""

Counterparts = Literal["same video", "other person"]
"""Whose face stands against a face: the same video's, or that of somebody else."""

Logs = dict[str, Tensor]
"""What a step reports, detached: scalars by name, and values a face (K,) such as ``weights``."""


class Method(nn.Module, ABC):
    """A way to train ``detector``, a module: images -> (logits (K,), features (K, C, H', W')).

    Args:
        detector: the module.
        options: fields of the class's `Options`, validated; ``self.options`` holds them.

    Raises:
        ConfigError: there is no such option, or its value is not allowed.
    """

    title: ClassVar[str]
    """How the method is called in tables and figures."""
    colour: ClassVar[Colour] = INK
    line: ClassVar[str] = "-"
    """Colour and matplotlib's line style of its curves."""
    section: ClassVar[str | None] = None
    """The table of an experiment file that holds its options; ablations share their method's."""
    Options: ClassVar[type[Section]] = Section
    """The options it takes, with their defaults and bounds."""
    paired = False
    """Whether `backward` needs each face's counterpart from the meta-test domains."""
    needs_masks = False
    """Whether `backward` reads manipulation masks; a batch has none where no training fake has."""
    first_phase: str | None = None
    """Method that is trained first, within the same run; `take_over` is given it as it ended."""

    def __init__(self, detector: nn.Module, **options: Any) -> None:
        super().__init__()
        self.detector = detector
        self.options: Any = validate(self.Options, options, type(self).__name__)
        self.average: Average = list
        self.second_moment: SecondMoment = lambda parameter: None

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the networks, initialised from PyTorch's generator as it stands, and the method.

        A method with further networks overrides this. The detector is made first, so that all
        methods of one seed start from the same one.

        Args:
            detector: what the detector is to be.
            sources: domains (forgery methods) that are trained on.
            options: the class's `Options`.
        """
        return cls(make_detector(detector), **dict(options))

    @property
    def pairings(self) -> tuple[Counterparts, ...]:
        """How counterparts are chosen: none, a batch's, or those and a second set for weights."""
        return ("same video",) if self.paired else ()

    @abstractmethod
    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` of every trainable parameter from one batch; step nothing."""

    def fill_gradients(self, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Make d loss / d parameter, averaged over processes, each parameter's ``.grad``."""
        parameters = list(parameters)
        set_gradients(parameters, self.average(gradients(loss, parameters)))

    def take_over(self, trained: Method) -> None:
        """Begin with what the method ``first_phase`` learned."""

    def weigh(self, batch: Batch) -> Logs:
        """Return what `backward` would log of the faces' weights, each (K,); most weigh none.

        Nothing changes: neither gradients nor BatchNorm's running statistics.
        """
        return {}

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits (K,) of images float (K, 3, H, W) in [0, 1], as trained so far."""
        with in_mode(self, training=False):
            logits: Tensor = self.detector(images)[0]
            return logits

    def predict(self, images: Tensor) -> Tensor:
        """Return P(fake) float64 (K,) of images float (K, 3, H, W) in [0, 1], as trained so far.

        float32 sigmoids of large logits tie.
        """
        return self.logits(images).double().sigmoid()

    def param_groups(self) -> list[dict[str, Any]]:
        """Return Adam's groups: ``params`` and a ``name`` by which the learning rate is set.

        A group may set Adam's other options, ``weight_decay`` for example.
        """
        return [{"name": "detector", "params": list(self.detector.parameters())}]


@contextmanager
def in_mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    """Set training or evaluation mode inside the block; then each part has its own again."""
    modes = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def make_detector(config: DetectorConfig) -> DetectorNetwork:
    """Make the detector that a config describes.

    Raises:
        ConfigError: as `DetectorNetwork` does.
    """
    return DetectorNetwork(
        config.backbone, pretrained=config.pretrained, image_size=config.image_size
    )


def counterparts(batch: Batch, method: Method) -> tuple[Tensor, Tensor]:
    """Return the images and labels of a batch's counterparts.

    Raises:
        LTWError: it has none.
    """
    if batch.counterpart_images is None or batch.counterpart_labels is None:
        raise LTWError(
            f"{type(method).__name__} needs each face's counterpart: a batch with "
            "counterpart_images and counterpart_labels from the meta-test domains"
        )
    return batch.counterpart_images, batch.counterpart_labels


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
