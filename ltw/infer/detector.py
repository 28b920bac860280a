"""Detector: a trained network with its preprocessing, calibration and threshold; scores files."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltw.data.resize import resize_crops
from ltw.errors import ConfigError, DataError
from ltw.files import checksum
from ltw.infer.find import FRAMES, Found, find_faces
from ltw.infer.many import find_in, in_order
from ltw.infer.networks import Band, Floats, Network, Settings
from ltw.infer.people import seen_enough
from ltw.infer.prediction import Prediction, ScoredFace, ScoredPerson, Verdict
from ltw.infer.sources import open_network

BATCH = 32
AT_ONCE = 4
"""Files done in this process unless told otherwise: other processes take time to start."""


class Detector:
    """Detector that scores photographs, videos and face crops.

    >>> detector = Detector.load("runs/gid-df23-ltw-0")
    >>> detector("photo.jpg").p_fake
    >>> detector.score(crops)
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def load(cls, source: str | Path, *, device: str | None = None) -> Detector:
        """Load a detector.

        Args:
            source: a run's folder; a released folder (detector.json, detector.safetensors); an ONNX
                file of ``ltw export``, which needs no PyTorch; or ``hf://owner/name[@revision]``, a
                released folder on the Hugging Face Hub or in its local cache. Only the last may use
                the network, and not where the environment variable HF_HUB_OFFLINE is 1.
            device: PyTorch device; default: a GPU if there is one. ONNX files run on the CPU.

        Raises:
            DataError: there is no such source, no detector in it, or a damaged one.
        """
        return cls(open_network(source, device))

    @property
    def settings(self) -> Settings:
        """Name, size of the input, temperature and threshold."""
        return self.network.settings

    def with_threshold(self, threshold: float) -> Detector:
        """Return the same detector with one threshold, for photographs and videos, and no band.

        Raises:
            ConfigError: it is not in [0, 1].
        """
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold is {threshold:g}; it must be in [0, 1]")
        network, band = copy.copy(self.network), Band(threshold, threshold)
        network.settings = replace(self.settings, band=band, video_band=band)
        return Detector(network)

    def __call__(self, path: str | Path, *, frames: int = FRAMES) -> Prediction:
        """Score a photograph, or ``frames`` evenly spaced frames of a video.

        Raises:
            DataError: the file is missing or cannot be decoded.
        """
        return self.judge(find_faces(path, frames=frames, cut=self.settings.cut))

    def predict(
        self, paths: Iterable[str | Path], *, frames: int = FRAMES, workers: int | None = None
    ) -> Iterator[Prediction]:
        """Score many files, in the order given; what is wrong with one is told by its ``error``.

        ``workers`` processes decode and find faces (default: one a core, and none beside this one
        for up to `AT_ONCE` files); this one runs the network. Scripts need no main guard for it.
        """
        files = list(paths)
        if workers is None and len(files) <= AT_ONCE:
            workers = 1
        found = find_in(files, frames=frames, cut=self.settings.cut, workers=workers)
        yield from in_order((position, self.judge(faces)) for position, faces in found)

    def score(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], *, batch_size: int = BATCH
    ) -> Floats:
        """Return P(fake) float32 (K,) of face crops, calibrated by the stored temperature.

        Args:
            crops: uint8 (K, S, S, 3), RGB, or a sequence of (S, S, 3) of any sizes; cut as in
                training by `ltw.faces.crop` and `ltw.faces.crop_box`.
            batch_size: crops that go through the network at once.

        Raises:
            DataError: crops of another shape or type, or the network gives no finite number.
        """
        faces = [_checked(crop) for crop in crops]
        scores = [
            self._probabilities(self.network.logits(images))
            for images in self._batches(faces, batch_size)
        ]
        return np.concatenate(scores) if scores else np.empty(0, np.float32)

    def judge(self, found: Found) -> Prediction:
        """Score the faces found in a file: the half of a prediction that needs the network."""
        settings = self.settings
        scores, features = self._look(found.crops)
        band = settings.band if found.kind == "image" else settings.video_band
        faces = tuple(
            ScoredFace(**asdict(face), p_fake=p)
            for face, p in zip(found.faces, scores.tolist(), strict=True)
        )
        people = _people(faces, band)
        suspect = max((p for p in people if p.counts), key=lambda p: p.p_fake, default=None)
        path = Path(found.path)
        without: Verdict = "no-face" if found.error is None else "error"
        return Prediction(
            path=found.path,
            kind=found.kind,
            p_fake=None if suspect is None else suspect.p_fake,
            verdict=without if suspect is None else suspect.verdict,
            threshold=band.high,
            real_below=band.low,
            detector=settings.info,
            faces=faces,
            people=people,
            unlike=() if suspect is None else self._unlike(found, suspect, features),
            warning=found.warning,
            error=found.error,
            sha256=checksum(path) if found.error is None and path.is_file() else None,
        )

    def _unlike(
        self, found: Found, suspect: ScoredPerson, features: Floats | None
    ) -> tuple[str, ...]:
        """Say in what the suspect's faces are unlike those trained on."""
        if self.settings.familiar is None:
            return ()
        own = [i for i, face in enumerate(found.faces) if face.person == suspect.number]
        return self.settings.familiar.signs(
            [found.faces[i].box for i in own],
            found.crops[own],
            None if features is None else features[own],
        )

    def _look(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats | None]:
        """Return P(fake) (K,) and, where there are any, features (K, C) of the crops of a file."""
        looks = [self.network.look(images) for images in self._batches(crops, BATCH)]
        if not looks:
            return np.empty(0, np.float32), None
        features = [features for _, features in looks if features is not None]
        scores = np.concatenate([self._probabilities(logits) for logits, _ in looks])
        return scores, np.concatenate(features) if features else None

    def _batches(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], size: int
    ) -> Iterator[Floats]:
        for start in range(0, len(crops), size):
            batch = crops[start : start + size]
            yield np.concatenate([self.prepare(crop[None]) for crop in batch])

    def prepare(self, crops: NDArray[np.uint8]) -> Floats:
        """Return crops, uint8 (K, S, S, 3), as the network takes them: float32 (K, 3, S', S')."""
        pixels = resize_crops(crops, self.settings.image_size)
        # divided before the axes move, as in training: memory stays channels-last
        return (pixels.astype(np.float32) / np.float32(255)).transpose(0, 3, 1, 2)

    def _probabilities(self, logits: Floats) -> Floats:
        if not np.isfinite(logits).all():
            raise DataError(f"{self.settings.name}: the network gives no finite number for a face")
        return _sigmoid(logits / np.float32(self.settings.temperature))


def _people(faces: Sequence[ScoredFace], band: Band) -> tuple[ScoredPerson, ...]:
    scores: dict[int, list[float]] = defaultdict(list)
    for face in faces:
        scores[face.person].append(face.p_fake)
    people = sorted(scores.items())
    counts = seen_enough([len(own) for _, own in people])
    means = [float(np.mean(own)) for _, own in people]
    return tuple(
        ScoredPerson(
            number,
            len(own),
            mean,
            counts=enough,
            verdict=band.verdict(mean) if enough else "unclear",
        )
        for (number, own), mean, enough in zip(people, means, counts, strict=True)
    )


def _checked(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or not crop.size:
        raise DataError(
            f"a face crop is {crop.dtype} {crop.shape}; it must be uint8 (S, S, 3), RGB"
        )
    if crop.shape[0] != crop.shape[1]:
        raise DataError(
            f"a face crop is {crop.shape[0]} x {crop.shape[1]} pixels; it must be square: "
            "cut it by ltw.faces.crop, which keeps a face's proportions"
        )
    return crop


def _sigmoid(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(np.float32(0), -logits))
