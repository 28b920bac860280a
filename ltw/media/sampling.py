"""Which frames of a video are looked at."""

from __future__ import annotations


def evenly_spaced(total: int, n: int) -> list[int]:
    """Frame indices at the centres of ``n`` equal parts of a video of ``total`` frames, increasing.

    They span the whole video, avoid its very ends (often black or fading), and depend on nothing
    but the two numbers, so that a real video and its equally long fakes give matching frames.
    All frames are taken where there are no more than ``n``.
    """
    if total <= n:
        return list(range(total))
    return [(2 * k + 1) * total // (2 * n) for k in range(n)]
