"""Networks behind a detector: PyTorch or ONNX, with the same settings and one function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ltw.errors import DataError
from ltw.files import checksum
from ltw.infer.familiarity import Familiar
from ltw.infer.find import USUAL_CUT, Cut
from ltw.infer.provenance import DetectorInfo, Provenance

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
ONE_THRESHOLD = "one threshold decides, without a band of doubt: nothing is called unclear"


class Band(NamedTuple):
    """Band of doubt: P(fake) from ``high`` on is fake, below ``low`` real, between unclear."""

    low: float
    high: float

    def verdict(self, p_fake: float) -> Literal["fake", "unclear", "real"]:
        """Judge a P(fake)."""
        if p_fake >= self.high:
            return "fake"
        return "real" if p_fake < self.low else "unclear"


HALF = Band(0.5, 0.5)
UNKNOWN = Provenance("")


@dataclass(frozen=True)
class Settings:
    """Settings of a network: its input, calibration, thresholds, and where it comes from.

    Attributes:
        name: what it is called in reports.
        image_size: side of its input in pixels.
        temperature: logits are divided by it before the sigmoid, which calibrates them.
        band: by which the P(fake) of a face in a photograph is judged.
        video_band: by which the mean P(fake) of a person in a video is; means spread less.
        cut: how the training faces were cropped.
        caution: why verdicts or scores may be off, or "".
        provenance: on what it was trained.
        familiar: what its training faces were like; None where the release does not say.
    """

    name: str
    image_size: int
    temperature: float = 1.0
    band: Band = HALF
    video_band: Band = HALF
    cut: Cut = USUAL_CUT
    caution: str = ""
    provenance: Provenance = UNKNOWN
    familiar: Familiar | None = None

    @classmethod
    def read(
        cls, values: Mapping[str, Any], where: Path, name: str, weights: Path | None = None
    ) -> Settings:
        """Take the settings out of ``values``; ``name`` is for those without one.

        A release of one threshold (of an earlier version) has no band of doubt, which `caution`
        says. ``weights`` is the file whose checksum names the detector.

        Raises:
            DataError: one is missing or out of range.
        """
        _require_types(values, where)
        try:
            crops = dict(values.get("preprocessing") or {})
            margin, size = crops.get("margin", Cut.margin), int(crops.get("crop_size", Cut.size))
            band, video_band = _bands(values)
            known = values.get("familiar")
            settings = cls(
                name=str(values.get("name") or name),
                image_size=int(values["image_size"]),
                temperature=float(values.get("temperature", 1.0)),
                band=band,
                video_band=video_band,
                cut=Cut(Cut.margin if margin is None else int(margin), size),
                caution=FOREIGN_CROPS if margin is None else "",
                provenance=Provenance.read(values, "" if weights is None else checksum(weights)),
                familiar=None if known is None else Familiar.read(known),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: damaged detector (settings: {error!r})") from None
        for key, (low, high) in (("threshold", band), ("video_threshold", video_band)):
            for value in (high, low):
                if not 0 <= value <= 1:
                    raise DataError(f"{where}: {key} is {value}; it must be in [0, 1]")
            if low > high:
                raise DataError(f"{where}: damaged detector (band: {low} is above {high})")
        if not 0 <= settings.cut.margin < settings.cut.size:
            raise DataError(f"{where}: damaged detector (preprocessing: {crops})")
        if not 0 < settings.temperature < float("inf"):
            raise DataError(f"{where}: temperature is {settings.temperature}; it must be above 0")
        return settings

    @property
    def threshold(self) -> float:
        """P(fake) from which a face in a photograph is called fake."""
        return self.band.high

    @property
    def video_threshold(self) -> float:
        """Mean P(fake) from which a person in a video is called fake."""
        return self.video_band.high

    @property
    def info(self) -> DetectorInfo:
        """What every output says of it."""
        warnings = [*self.provenance.warnings()]
        if self.band.low == self.band.high and self.video_band.low == self.video_band.high:
            warnings.append(ONE_THRESHOLD)
        if self.caution:
            warnings.append(self.caution)
        return DetectorInfo(
            name=self.name,
            id=self.provenance.id,
            demo=self.provenance.demo,
            trained=self.provenance.trained,
            tested=self.provenance.tested,
            warnings=tuple(warnings),
        )


def _bands(values: Mapping[str, Any]) -> tuple[Band, Band]:
    """Return the bands of faces and of videos; of one threshold both ends are it."""
    if "band" in values:
        face, video = (Band(*map(float, values["band"][level])) for level in ("face", "video"))
        return face, video
    threshold = float(values.get("threshold", 0.5))
    video_threshold = float(values.get("video_threshold", threshold))
    return Band(threshold, threshold), Band(video_threshold, video_threshold)


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

    def look(self, images: Floats) -> tuple[Floats, Floats | None]:
        """Return `logits` and the features (K, C), means over the last map; None: it has none."""


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
        self.settings = Settings.read(
            self.module.config, folder, name, folder / "detector.safetensors"
        )
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.module.to(self.device).to(memory_format=torch.channels_last)

    def logits(self, images: Floats) -> Floats:
        """Return logits (K,) of images float32 (K, 3, S, S), RGB in [0, 1]."""
        return self.look(images)[0]

    def look(self, images: Floats) -> tuple[Floats, Floats | None]:
        """Return `logits` and features (K, C)."""
        import torch

        with torch.inference_mode():
            logits, features = self.module(torch.from_numpy(images).to(self.device))
            found = (values.float().cpu().numpy() for values in (logits, features.mean((2, 3))))
            first, second = (np.asarray(values, np.float32) for values in found)
            return first, second


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
        self.settings = Settings.read(values, path, name, path)
        self._outputs = [name for name in ("logits", "features") if name in outputs]
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

    def look(self, images: Floats) -> tuple[Floats, Floats | None]:
        """Return `logits` and features (K, C), where the file has such an output."""
        logits, *maps = self._session.run(self._outputs, {"images": images})
        features = maps[0].mean(axis=(2, 3)) if maps else None
        return np.asarray(logits, np.float32), features
