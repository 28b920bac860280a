"""Slopes remembered by face, so that one face's gradient is averaged over its visits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ltw.errors import LTWError


class SlopeMemory(nn.Module):
    """Running mean over the visits of each face: m <- memory m + (1 - memory) s, first m = s.

    Its state is saved with the method's.
    """

    def __init__(self, memory: float) -> None:
        super().__init__()
        self.memory = memory
        self.means: dict[int, float] = {}

    def forward(self, faces: Sequence[int], slopes: Tensor) -> Tensor:
        """Return the means (K,) after this visit, for ``slopes`` (K,) of the rows ``faces``.

        Raises:
            LTWError: the batch does not say which rows of the store its faces are.
        """
        if len(faces) != len(slopes):
            raise LTWError(
                f"slopes averaged by face need the row of each; the batch names {len(faces)} of "
                f"{len(slopes)}"
            )
        for face, slope in zip(faces, slopes.tolist(), strict=True):
            before = self.means.get(face, slope)
            self.means[face] = self.memory * before + (1 - self.memory) * slope
        return slopes.new_tensor([self.means[face] for face in faces])

    def get_extra_state(self) -> Tensor:
        """Return (N, 2) float64: rows of the store and their means."""
        return torch.tensor(list(self.means.items()), dtype=torch.float64).reshape(-1, 2)

    def set_extra_state(self, state: Tensor) -> None:
        """Take back what `get_extra_state` returned."""
        self.means = {int(face): mean for face, mean in state.tolist()}
