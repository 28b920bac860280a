"""Formats of an upload, by its first bytes: decoders see nothing that is not on the one list."""

from __future__ import annotations

from ltw.media.formats import HEAD, Kind, identify, list_formats, unknown
from ltw.serve.limits import Refusal

__all__ = ["HEAD", "kind_of"]


def kind_of(head: bytes) -> Kind:
    """Return what a file is that begins with ``head``.

    Raises:
        Refusal: 415, it is neither an image nor a video that can be read.
    """
    if not head:
        raise Refusal(422, "The file is empty.")
    known = identify(head)
    if known is None:
        raise Refusal(415, f"This is {unknown(head)}. What can be scored are {list_formats()}.")
    return known.kind
