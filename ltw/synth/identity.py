"""Identity of a rendered person: every lasting trait, drawn once and kept over all takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HAIR_STYLES = ("bald", "buzz", "crop", "side", "tied", "bob", "long", "curly")
CLOTHES = ("crew", "vee", "collar")

_CLOTH = {
    "black": (32, 34, 40),
    "navy": (38, 48, 76),
    "grey": (120, 124, 128),
    "white": (205, 203, 198),
    "burgundy": (96, 34, 42),
    "olive": (72, 80, 58),
    "denim": (86, 104, 134),
    "beige": (150, 128, 100),
    "charcoal": (58, 62, 66),
    "teal": (40, 76, 84),
    "pale blue": (170, 176, 188),
    "brown": (92, 70, 58),
}

RGB = tuple[float, float, float]
"""Reflectance in [0, 1], linear light."""

# sRGB of forehead skin under even light, from pale to deep
_SKIN = np.array(
    [
        (238, 202, 184),
        (226, 184, 158),
        (210, 162, 130),
        (183, 132, 98),
        (141, 95, 68),
        (101, 66, 49),
    ]
)
_HAIR = {
    "black": (26, 22, 21),
    "dark brown": (48, 34, 26),
    "brown": (84, 58, 39),
    "auburn": (104, 58, 36),
    "dark blond": (137, 106, 70),
    "blond": (180, 148, 102),
    "red": (140, 72, 38),
}
_IRIS = {
    "dark brown": (52, 32, 20),
    "brown": (88, 56, 32),
    "hazel": (108, 88, 50),
    "green": (84, 94, 68),
    "blue": (82, 102, 124),
    "grey": (98, 106, 112),
}


def to_linear(srgb: NDArray[np.float64] | tuple[float, ...]) -> NDArray[np.float64]:
    """sRGB values in [0, 255] as linear light in [0, 1]."""
    return (np.asarray(srgb, np.float64) / 255.0) ** 2.2


@dataclass(frozen=True)
class Person:
    """An identity. Lengths are in eye-to-chin distances; multipliers are 1 for the average face.

    ``age``, ``beard``, ``stubble``, ``makeup``, ``freckles``, ``greying``, ``eye_bags`` run over
    [0, 1]; ``femininity`` too, and only shifts the odds of the others. ``texture_seed`` draws what
    has no name: the pattern of the skin, single hairs, the asymmetry of the face.
    """

    texture_seed: int
    femininity: float
    age: float
    skin: RGB
    ruddiness: float
    face_width: float
    jaw_width: float
    chin_width: float
    chin_length: float
    cheekbones: float
    fullness: float
    eye_spacing: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    lid_crease: float
    iris: RGB
    brow_height: float
    brow_thickness: float
    brow_arch: float
    brow_ridge: float
    nose_length: float
    nose_width: float
    nose_height: float
    nose_bridge: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    mouth_height: float
    lip_colour: float
    ear_size: float
    hair: RGB
    hair_style: str
    hair_volume: float
    hair_wave: float
    hairline: float
    parting: float
    fringe: float
    greying: float
    beard: float
    stubble: float
    makeup: float
    freckles: float
    moles: int
    eye_bags: float
    glasses: bool
    neck_width: float
    clothes: str
    cloth: RGB


def _rgb(values: NDArray[np.float64]) -> RGB:
    r, g, b = (float(v) for v in np.clip(values, 0.002, 0.98))
    return r, g, b


def _skin_colour(rng: np.random.Generator, tone: float) -> RGB:
    """Interpolate along the tones; the undertone shifts between olive and pink."""
    steps = np.arange(len(_SKIN))
    at = tone * (len(_SKIN) - 1)
    base = np.array([np.interp(at, steps, _SKIN[:, c]) for c in range(3)])
    return _rgb(to_linear(base + rng.normal(0, 1) * np.array([2.0, -2.0, -5.0])))


def _pick(rng: np.random.Generator, odds: dict[str, float]) -> str:
    weights = np.array(list(odds.values()), np.float64)
    return str(rng.choice(list(odds), p=weights / weights.sum()))


def _hair_style(rng: np.random.Generator, female: bool, age: float, tone: float) -> str:
    if female:
        odds = {"side": 0.08, "tied": 0.24, "bob": 0.28, "long": 0.36, "curly": 0.08 + 0.25 * tone}
    else:
        odds = {
            "bald": 0.04 + 0.14 * age,
            "buzz": 0.16 + 0.2 * tone,
            "crop": 0.4,
            "side": 0.36,
            "curly": 0.05 + 0.12 * tone,
        }
    return _pick(rng, odds)


def _colours(rng: np.random.Generator, tone: float) -> tuple[RGB, RGB]:
    """Hair and iris; dark skin goes with dark hair and eyes, pale skin with anything."""
    if tone > 0.5:
        hair = _pick(rng, {"black": 0.75, "dark brown": 0.25})
        iris = _pick(rng, {"dark brown": 0.85, "brown": 0.15})
    else:
        hair = _pick(
            rng,
            dict(zip(_HAIR, (0.18, 0.26, 0.22, 0.07, 0.12, 0.1, 0.05), strict=True)),
        )
        iris = _pick(rng, dict(zip(_IRIS, (0.2, 0.26, 0.14, 0.1, 0.2, 0.1), strict=True)))
    return (
        _rgb(to_linear(np.array(_HAIR[hair]) * rng.uniform(0.85, 1.15))),
        _rgb(to_linear(np.array(_IRIS[iris]) * rng.uniform(0.85, 1.15))),
    )


def sample_person(rng: np.random.Generator) -> Person:
    """Draw an identity; the same generator state gives the same person."""

    def about(mean: float, spread: float) -> float:
        """A normal draw cut at two deviations: variety without caricature."""
        return float(mean + spread * np.clip(rng.normal(), -2.0, 2.0))

    female = bool(rng.random() < 0.5)
    sex = 1.0 if female else 0.0
    age = float(rng.beta(1.4, 1.9))
    tone = float(rng.random())
    hair, iris = _colours(rng, tone)
    style = _hair_style(rng, female, age, tone)
    bearded = not female and rng.random() < 0.3
    return Person(
        texture_seed=int(rng.integers(2**31)),
        femininity=sex,
        age=age,
        skin=_skin_colour(rng, tone),
        ruddiness=float(rng.uniform(0.4, 1.2)),
        face_width=about(1.0 - 0.02 * sex, 0.04),
        jaw_width=about(1.02 - 0.07 * sex, 0.045),
        chin_width=about(1.05 - 0.14 * sex, 0.1),
        chin_length=about(1.0 - 0.02 * sex, 0.03),
        cheekbones=about(1.0 + 0.1 * sex, 0.3),
        fullness=float(np.clip(about(0.5, 0.25), 0, 1)),
        eye_spacing=about(1.0, 0.04),
        eye_width=about(1.0 + 0.03 * sex, 0.05),
        eye_opening=about(0.95 + 0.1 * sex - 0.12 * age, 0.1),
        eye_tilt=about(0.035 + 0.02 * sex - 0.04 * age, 0.03),
        lid_crease=float(rng.uniform(0.25, 1.0)),
        iris=iris,
        brow_height=about(1.0 + 0.06 * sex, 0.08),
        brow_thickness=about(1.05 - 0.35 * sex, 0.2),
        brow_arch=about(0.6 + 0.4 * sex, 0.3),
        brow_ridge=about(1.0 - 0.65 * sex, 0.2),
        nose_length=about(1.0 - 0.02 * sex + 0.03 * age, 0.05),
        nose_width=about(1.0 - 0.08 * sex + 0.12 * tone, 0.09),
        nose_height=about(1.0 - 0.08 * sex - 0.12 * tone, 0.12),
        nose_bridge=about(1.0 - 0.2 * tone, 0.18),
        mouth_width=about(1.0 - 0.03 * sex, 0.06),
        upper_lip=about(0.88 + 0.15 * sex + 0.3 * tone - 0.22 * age, 0.16),
        lower_lip=about(0.95 + 0.12 * sex + 0.25 * tone - 0.12 * age, 0.14),
        mouth_height=about(1.0, 0.025),
        lip_colour=float(rng.uniform(0.6, 0.95) + 0.2 * sex),
        ear_size=about(0.98 - 0.08 * sex + 0.06 * age, 0.07),
        hair=hair,
        hair_style=style,
        hair_volume=about(1.0, 0.2),
        hair_wave=float(rng.beta(1.1, 1.6)),
        hairline=float(rng.normal(0, 0.02) + (0.0 if female else 0.12 * age * rng.random())),
        parting=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.0, 0.3)),
        fringe=float(rng.uniform(0.5, 1.0)) if female and rng.random() < 0.35 else 0.0,
        greying=float(np.clip((age - 0.5) * 2.2 * rng.random(), 0, 0.9)),
        beard=float(rng.uniform(0.5, 1.0)) if bearded else 0.0,
        stubble=0.0 if female else float(rng.uniform(0.0, 0.8)),
        makeup=float(rng.uniform(0.0, 0.9)) * sex * (rng.random() < 0.6),
        freckles=float(rng.random()) if tone < 0.35 and rng.random() < 0.3 else 0.0,
        moles=int(rng.integers(0, 5)),
        eye_bags=float(rng.beta(1.5, 2.5) * (0.4 + 0.8 * age)),
        glasses=bool(rng.random() < 0.14),
        neck_width=about(1.06 - 0.16 * sex, 0.05),
        clothes=str(rng.choice(CLOTHES)),
        cloth=_rgb(
            to_linear(np.array(_CLOTH[str(rng.choice(list(_CLOTH)))]) * rng.uniform(0.8, 1.2))
        ),
    )
