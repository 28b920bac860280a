"""Prediction: what a detector says about a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ltw.faces import Box
from ltw.infer.provenance import DetectorInfo
from ltw.media.formats import Kind

Verdict = Literal["fake", "unclear", "real", "no-face", "error"]
"""What a file is judged to be; ``real`` says no more than that no sign of a forgery was found."""


@dataclass(frozen=True)
class ScoredFace:
    """One face: ``box`` is (x0, y0, x1, y1) in pixels of the picture, ``p_fake`` P(fake) in [0, 1].

    ``frame`` counts decoded frames from 0 and ``time`` is in seconds (both 0 in a photograph);
    ``person`` is the `ScoredPerson.number` of whose face it is.
    """

    frame: int
    time: float
    box: Box
    p_fake: float
    person: int


@dataclass(frozen=True)
class ScoredPerson:
    """Person seen in a file: in how many ``frames``, and the mean of their faces' scores.

    ``counts`` is whether the file is judged by them: not where they are seen too rarely
    (`ltw.infer.people.seen_enough`); the ``verdict`` on whom does not count is ``unclear``.
    """

    number: int
    frames: int
    p_fake: float
    counts: bool
    verdict: Verdict


@dataclass(frozen=True)
class Prediction:
    """A file's score, and what it is made of.

    Attributes:
        path: the file, as it was given.
        kind: ``image`` or ``video``.
        p_fake: P(fake) of the most suspect person who counts, in [0, 1]; None without a face.
        verdict: ``fake`` from ``threshold`` on, ``real`` below ``real_below``, ``unclear`` between;
            ``no-face`` where no face was found, ``error`` where the file could not be scored.
        threshold: the detector's for images, or for videos.
        real_below: at most ``threshold``, and equal to it where a detector has no band of doubt.
        faces: every face, by frame, the largest first.
        people: every person, by number.
        unlike: in what the suspect's face is unlike those that the detector was trained on.
        warning: what is amiss with a file that was scored all the same, else None.
        error: why the file could not be scored, else None; a file without a face is no error.
        sha256: checksum of the file, None where it could not be read.
        detector: what scored it.
    """

    path: str
    kind: Kind
    p_fake: float | None
    verdict: Verdict
    threshold: float
    real_below: float
    detector: DetectorInfo
    faces: tuple[ScoredFace, ...] = ()
    people: tuple[ScoredPerson, ...] = ()
    unlike: tuple[str, ...] = ()
    warning: str | None = None
    error: str | None = None
    sha256: str | None = None

    @property
    def suspect(self) -> ScoredPerson | None:
        """The person by whom the file is judged; None without a face."""
        counted = (person for person in self.people if person.counts)
        return max(counted, key=lambda person: person.p_fake, default=None)

    def most_suspect(self, n: int = 4) -> list[ScoredFace]:
        """Return the ``n`` most suspect faces, highest first: of a video, the suspect's alone."""
        if self.suspect is None:
            return []
        who = self.suspect.number
        faces = [face for face in self.faces if self.kind == "image" or face.person == who]
        return sorted(faces, key=lambda face: -face.p_fake)[:n]

    @property
    def suspicion(self) -> tuple[int, float]:
        """Key to sort files by, the most suspect first; files without a score come last."""
        return (0, -self.p_fake) if self.p_fake is not None else (1, float(self.error is None))

    def verdict_on(self, face: ScoredFace) -> Verdict:
        """Return the verdict on the person whose face it is: one frame of a video has none."""
        return next(person.verdict for person in self.people if person.number == face.person)

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain values, keys named as the attributes."""
        return asdict(self)

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON (ASCII; file names that are not UTF-8 survive)."""
        return json.dumps(self.to_dict(), allow_nan=False)
