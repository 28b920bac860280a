"""Out-of-distribution signs: whether faces are unlike those that a detector was trained on.

Four cheap ones, each against the range of the training faces that the release holds: size in the
picture, sharpness (variance of the Laplacian: Pech-Pacheco et al., ICPR 2000), noise (Immerkær,
CVIU 1996; strong compression and filters take it away), and the distance of the detector's own
features, standardised channel by channel (a Mahalanobis distance, Lee et al., NeurIPS 2018, with a
diagonal covariance). They warn; no verdict depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ltw.faces import Box

Floats = NDArray[np.float32]
Values = NDArray[np.float64]

TAIL = 0.005
"""Share of the training faces beyond either end of a range."""
DEAD = 0.1
"""Share of the mean deviation that every feature gets, or one that is dead drowns all others."""
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64)
_EPSILON = 1e-6


class Range(NamedTuple):
    """Range of a quantity over the training faces, less `TAIL` at either end."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Values) -> Range:
        """Take it of the values (K,)."""
        low, high = np.quantile(values, [TAIL, 1 - TAIL])
        return cls(float(low), float(high))


@dataclass(frozen=True)
class Familiar:
    """What a detector knows: ranges over its training faces, and where their features lie.

    Attributes:
        size: sides of their boxes in pixels; None where they came cropped.
        sharpness: `sharpness` of their crops.
        noise: `noise` of their crops.
        mean: of their features, (C,).
        std: of their features, (C,), above 0.
        distance: largest usual `distances`, of faces that were not trained on.
    """

    size: Range | None
    sharpness: Range
    noise: Range
    mean: Values
    std: Values
    distance: float

    @classmethod
    def measure(
        cls, sizes: Values | None, crops: NDArray[np.uint8], features: Floats, others: Floats
    ) -> Familiar:
        """Measure training faces: sides (K,), crops (K, S, S, 3) RGB, features (K, C).

        ``others`` are features (L, C) of faces that were not trained on: of those that were, a
        network knows every one.
        """
        mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
        std = np.maximum(std, DEAD * std.mean() + _EPSILON)
        found = cls(
            None if sizes is None else Range.of(sizes),
            Range.of(sharpness(crops)),
            Range.of(noise(crops)),
            mean,
            std,
            distance=0.0,
        )
        usual = float(np.quantile(found.distances(others), 1 - 2 * TAIL))
        return cls(found.size, found.sharpness, found.noise, mean, std, usual)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Familiar:
        """Take what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        size = values["size"]
        return cls(
            None if size is None else Range(*map(float, size)),
            Range(*map(float, values["sharpness"])),
            Range(*map(float, values["noise"])),
            np.asarray(values["features"]["mean"], np.float64),
            np.asarray(values["features"]["std"], np.float64),
            float(values["features"]["distance"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, features to 5 digits."""
        rounded = {
            name: [float(f"{value:.5g}") for value in values]
            for name, values in (("mean", self.mean), ("std", self.std))
        }
        return {
            "size": None if self.size is None else list(self.size),
            "sharpness": list(self.sharpness),
            "noise": list(self.noise),
            "features": {**rounded, "distance": self.distance},
        }

    def distances(self, features: Floats) -> Values:
        """Return how far features (K, C) lie from the training faces': (K,), about 1 for those."""
        return np.asarray(np.sqrt(np.mean(((features - self.mean) / self.std) ** 2, axis=1)))

    def signs(
        self, boxes: Sequence[Box], crops: NDArray[np.uint8], features: Floats | None
    ) -> tuple[str, ...]:
        """Return in what faces, at least one, differ from what is known; nothing where they do not.

        The median of the faces is judged: of a video one odd frame is no sign.

        Args:
            boxes: of the faces, in pixels of the picture.
            crops: uint8 (K, S, S, 3) RGB.
            features: (K, C); None where the network gives none.
        """
        found = []
        side = float(np.median(sides(boxes)))
        if self.size is not None and side < self.size.low:
            found.append(
                f"the face is smaller ({side:.0f} pixels) than those it was trained on "
                f"({self.size.low:.0f} to {self.size.high:.0f})"
            )
        if self.size is not None and side > self.size.high:
            found.append(
                f"the face is larger ({side:.0f} pixels) than those it was trained on "
                f"({self.size.low:.0f} to {self.size.high:.0f})"
            )
        found += _beyond(sharpness(crops), self.sharpness, ("more blurred", "sharper"))
        found += _beyond(noise(crops), self.noise, ("smoother, as by compression", "noisier"))
        if features is not None and float(np.median(self.distances(features))) > self.distance:
            found.append("the face looks different from those it was trained on, to the detector")
        return tuple(found)


def sides(boxes: Sequence[Box]) -> Values:
    """Return the sides (K,), in pixels, of squares as large as the boxes (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T
    return np.asarray(np.sqrt(np.maximum(0, x1 - x0) * np.maximum(0, y1 - y0)))


def sharpness(crops: NDArray[np.uint8]) -> Values:
    """Return log10 of the variance of each crop's Laplacian, (K,)."""
    variances = [float(cv2.Laplacian(grey, cv2.CV_64F).var()) for grey in _grey(crops)]
    return np.asarray(np.log10(np.array(variances) + _EPSILON))


def noise(crops: NDArray[np.uint8]) -> Values:
    """Return log10 of the standard deviation of each crop's noise, in grey levels, (K,)."""
    found = [
        float(np.abs(cv2.filter2D(grey.astype(np.float64), -1, _NOISE)).mean())
        for grey in _grey(crops)
    ]
    return np.asarray(np.log10(np.array(found) * np.sqrt(np.pi / 2) / 6 + _EPSILON))


def _grey(crops: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8) for crop in crops]


def _beyond(values: Values, usual: Range, words: tuple[str, str]) -> list[str]:
    middle = float(np.median(values))
    if usual.low <= middle <= usual.high:
        return []
    word = words[0] if middle < usual.low else words[1]
    return [f"the face is {word} than those it was trained on"]
