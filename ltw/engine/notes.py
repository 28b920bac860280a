"""What a run does otherwise than its config or its method's paper says: told once, and recorded."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ltw.config import Config
from ltw.methods import Method


def run_notes(config: Config, method: Method, fakes: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each; ``fakes`` are the records of the run's training fakes."""
    own = method.detector.config["backbone"]  # type: ignore[index]
    if own != config.detector.backbone:
        yield (
            f"{config.method} trains a network of its own: detector.backbone = "
            f"{config.detector.backbone!r} and detector.pretrained are not used"
        )
    if not method.needs_masks:
        return
    unknown = int((~fakes["has_mask"].astype(bool)).sum())
    if unknown == len(fakes):
        yield (
            f"{config.method}: none of the {len(fakes)} training fakes has a manipulation mask; "
            "the segmentation term is left out"
        )
    elif unknown:
        yield (
            f"{config.method}: {unknown} of the {len(fakes)} training fakes have no manipulation "
            "mask; the segmentation term is averaged over the other faces"
        )
