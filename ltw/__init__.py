"""Learning to Weight: face-forgery detection that generalises to forgeries never seen.

``from ltw import Detector`` gives `ltw.infer.Detector`, which scores files; ``ltw.__version__`` is
the version of the installed package.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Nothing is sent to anyone: onnxruntime, which finds the faces, reports its use by default. It asks
# when it is imported, so before that; set to 0 it may.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from ltw.infer import Detector

    __version__: str

__all__ = ["Detector", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``import ltw`` alone loads nothing."""
    if name == "__version__":
        from importlib.metadata import version

        return version("ltw")
    if name == "Detector":
        from ltw.infer import Detector

        return Detector
    if name == "__version__":
        from importlib.metadata import version

        return version("ltw")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
