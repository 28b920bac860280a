"""What every reader of FaceForensics++'s layout must say of one of its forgeries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ltw.types import Clip


def by_name(clips: Sequence[Clip]) -> dict[str, Clip]:
    return {clip.video: clip for clip in clips}


def deepfake_071_054(**places: Any) -> Clip:
    """The Deepfakes forgery 071_054 at c23, of the official training split; its files' places."""
    return Clip(
        dataset="faceforensics",
        domain="Deepfakes",
        label=1,
        compression="c23",
        video="faceforensics/Deepfakes/c23/071_054",
        split="train",
        person="071",
        source_video="071",
        donor_person="054",
        donor_video="054",
        **places,
    )
