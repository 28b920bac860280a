"""Networks behind a detector: PyTorch or ONNX, with the same settings and one function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.infer.find import USUAL_CUT, Cut

if TYPE_CHECKING:
    from ltw.models.detector import DetectorNetwork

Floats = NDArray[np.float32]

METADATA = "ltw"
"""Key of an ONNX file's metadata under which `Settings` are, as JSON."""


LARGEST = 4096
"""Side of an input or a crop at most, in pixels: a batch of larger ones would fill the memory."""

FOREIGN_CROPS = (
    "this detector was trained on faces that came cropped by somebody else; those found here are "
    "cut otherwise, and their scores may be off"
)


@dataclass(frozen=True)
class Settings:
    """Settings of a network: its input, calibration and thresholds.

    Attributes:
        name: what it is called in reports.
        image_size: side of its input in pixels.
        temperature: logits are divided by it before the sigmoid, which calibrates them.
        threshold: probability from which a face is called fake.
        video_threshold: mean probability from which a person in a video is; means spread less.
        cut: how the training faces were cropped.
        caution: why scores of faces cut here may be off, or "".
    """

    name: str
    image_size: int
    temperature: float = 1.0
    threshold: float = 0.5
    video_threshold: float = 0.5
    cut: Cut = USUAL_CUT
    caution: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any], where: Path, name: str) -> Settings:
        """Take the settings out of ``values``; ``name`` is for those without one.

        Raises:
            DataError: one is missing or out of range.
        """
        _require_types(values, where)
        try:
            crops = dict(values.get("preprocessing") or {})
            margin, size = crops.get("margin", Cut.margin), int(crops.get("crop_size", Cut.size))
            settings = cls(
                name=str(values.get("name") or name),
                image_size=int(values["image_size"]),
                temperature=float(values.get("temperature", 1.0)),
                threshold=float(values.get("threshold", 0.5)),
                video_threshold=float(values.get("video_threshold", values.get("threshold", 0.5))),
                cut=Cut(Cut.margin if margin is None else int(margin), size),
                caution=FOREIGN_CROPS if margin is None else "",
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: damaged detector (settings: {error!r})") from None
        for key in ("threshold", "video_threshold"):
            if not 0 <= (value := getattr(settings, key)) <= 1:
                raise DataError(f"{where}: {key} is {value}; it must be in [0, 1]")
        if not 0 <= settings.cut.margin < settings.cut.size:
            raise DataError(f"{where}: damaged detector (preprocessing: {crops})")
        if not 0 < settings.temperature < float("inf"):
            raise DataError(f"{where}: temperature is {settings.temperature}; it must be above 0")
        return settings


def _require_types(values: object, where: Path) -> None:
    """Refuse settings that are no mapping, or numbers that are none; `Settings.read` has bounds.

    Raises:
        DataError: naming the key and the value.
    """
    if not isinstance(values, Mapping):
        raise DataError(f"{where}: damaged detector (settings are {values!r:.80}, not a table)")
    crops = values.get("preprocessing") or {}
    if not isinstance(crops, Mapping):
        raise DataError(f"{where}: damaged detector (preprocessing = {crops!r:.80}, not a table)")
    named = {key: values.get(key) for key in ("temperature", "threshold", "video_threshold")}
    whole = {"image_size": values.get("image_size")}
    whole |= {key: crops.get(key) for key in ("crop_size", "margin")}
    for known, kinds in ((named, (int, float)), (whole, (int,))):
        for key, value in known.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
                raise DataError(f"{where}: damaged detector ({key} = {value!r:.80}, not a number)")
    for key in ("image_size", "crop_size"):
        if (value := whole[key]) is not None and not 1 <= value <= LARGEST:
            raise DataError(f"{where}: {key} is {value:.6g}; it must be from 1 to {LARGEST} pixels")


class Network(Protocol):
    """What a detector asks of its network."""

    settings: Settings

    def logits(self, images: Floats) -> Floats:
        """Return logits (K,), > 0 means fake, of images float32 (K, 3, S, S), RGB in [0, 1]."""


class TorchNetwork:
    """A released folder: detector.json and detector.safetensors.

    Args:
        folder: what `ltw.models.detector.DetectorNetwork.save` wrote.
        device: a PyTorch device; default: a GPU if there is one.
        name: for detectors that do not say their own.

    Raises:
        DataError: there is no detector in ``folder``, or a damaged one.
    """

    def __init__(self, folder: Path, device: str | None, name: str) -> None:
        import torch

        from ltw.models.detector import DetectorNetwork

        self.module: DetectorNetwork = DetectorNetwork.load(folder)
        self.settings = Settings.read(self.module.config, folder, name)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.module.to(self.device).to(memory_format=torch.channels_last)

    def logits(self, images: Floats) -> Floats:
        """Return logits (K,) of images float32 (K, 3, S, S), RGB in [0, 1]."""
        import torch

        with torch.inference_mode():
            logits, _ = self.module(torch.from_numpy(images).to(self.device))
            return np.asarray(logits.float().cpu().numpy(), np.float32)


class OnnxNetwork:
    """A file with the input ``images`` and the output ``logits``; PyTorch is not needed.

    Raises:
        DataError: no ONNX model that onnxruntime can run, or not one that this package exported.
    """

    def __init__(self, path: Path, name: str) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions have no base class of their own
            reason = str(error).partition("\n")[0]
            raise DataError(f"{path}: not a model that onnxruntime can run ({reason})") from None
        inputs = [value.name for value in self._session.get_inputs()]
        outputs = [value.name for value in self._session.get_outputs()]
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None or inputs != ["images"] or "logits" not in outputs:
            raise DataError(
                f"{path}: not a detector of this package (inputs {inputs}, outputs {outputs}, "
                f"metadata {METADATA!r} {'missing' if text is None else 'there'}); "
                "make one: ltw export RUN --to FILE.onnx"
            )
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: damaged detector (metadata: {error})") from None
        self.settings = Settings.read(values, path, name)
        self._try(path)

    def _try(self, path: Path) -> None:
        """Run the network on two grey images: shapes that do not fit and NaN show at once."""
        size = self.settings.image_size
        (given,) = self._session.get_inputs()
        wanted = ["K", 3, size, size]
        fits = len(given.shape) == 4 and all(
            not isinstance(side, int) or side == whole
            for side, whole in zip(given.shape[1:], wanted[1:], strict=True)
        )
        if given.type != "tensor(float)" or not fits:
            raise DataError(
                f"{path}: damaged detector (its input is {given.type} {given.shape}, its settings "
                f"ask for tensor(float) {wanted}); export it again: ltw export RUN --to FILE.onnx"
            )
        try:
            logits = self.logits(np.full((2, 3, size, size), 0.5, np.float32))
        except Exception as error:  # onnxruntime's exceptions have no base class of their own
            reason = str(error).partition("\n")[0]
            raise DataError(f"{path}: not a model that onnxruntime can run ({reason})") from None
        if logits.shape != (2,) or not np.isfinite(logits).all():
            raise DataError(
                f"{path}: damaged detector (two images give logits {logits.tolist()!r:.80}; "
                "they must be two finite numbers); export it again: ltw export RUN --to FILE.onnx"
            )

    def logits(self, images: Floats) -> Floats:
        """Return logits (K,) of images float32 (K, 3, S, S), RGB in [0, 1]."""
        (logits,) = self._session.run(["logits"], {"images": images})
        return np.asarray(logits, np.float32)
