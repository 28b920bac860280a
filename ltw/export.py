"""A detector as an ONNX file: written, compared with PyTorch, made of 8-bit integers.

The graph takes images as they are, float32 (K, 3, S, S), RGB in [0, 1], for any K: the backbone's
normalisation is inside. Its outputs are ``logits`` (K,) and the last feature map, ``features``.
What detector.json says is in the file's metadata, under `METADATA`.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import expit

from ltw.errors import LTWError
from ltw.files import atomic
from ltw.infer.networks import METADATA, Floats, OnnxNetwork
from ltw.models.detector import DetectorNetwork

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUTS = "images", ("logits", "features")
TOLERANCE = 1e-4
BATCHES = (1, 3, 32)
"""Sizes of the batches, in turn, that an export is checked with."""


@dataclass(frozen=True)
class Agreement:
    """How far two networks are apart on the same faces.

    Attributes:
        faces: how many.
        logit: largest difference of two logits, relative to the first where that is above 1.
        probability: largest difference of two calibrated probabilities.
    """

    faces: int
    logit: float
    probability: float

    @property
    def close(self) -> bool:
        """Whether both differences are within `TOLERANCE`."""
        return max(self.logit, self.probability) <= TOLERANCE


def write_onnx(detector: DetectorNetwork, path: Path) -> None:
    """Write ``detector``, in evaluation mode on the CPU, to ``path``, atomically.

    Raises:
        LTWError: the packages of the extra ``export`` are missing, or PyTorch cannot export this
            backbone.
    """
    _require_packages()
    size = detector.image_size
    # two images, for a batch of one would be taken for one whose size never changes
    example = torch.zeros(2, 3, size, size)
    try:
        with _silence():
            program: Any = torch.onnx.export(
                detector,
                (example,),
                input_names=[INPUT],
                output_names=OUTPUTS,
                dynamic_shapes=({0: torch.export.Dim("K")},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its many parts raise
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        backbone = detector.config["backbone"]
        raise LTWError(f"backbone {backbone!r}: PyTorch cannot export it ({reason})") from error
    _save(program.model_proto, path, detector.config)


def compare(detector: DetectorNetwork, path: Path, images: Floats) -> Agreement:
    """Run a detector and its ONNX file on the same images (K, 3, S, S), in batches of `BATCHES`."""
    network = OnnxNetwork(path, path.stem)
    theirs, ours = [], []
    for batch in _batches(images):
        theirs.append(network.logits(batch))
        with torch.inference_mode():
            ours.append(detector(torch.from_numpy(batch))[0].numpy())
    a, b = (np.concatenate(parts).astype(np.float64) for parts in (ours, theirs))
    temperature = detector.config["temperature"]
    return Agreement(
        faces=len(a),
        logit=float(np.max(np.abs(a - b) / np.maximum(1, np.abs(a)))),
        probability=float(np.max(np.abs(expit(a / temperature) - expit(b / temperature)))),
    )


def quantize(path: Path, to: Path, images: Floats) -> None:
    """Write the network of an ONNX file with 8-bit weights and activations to ``to``, atomically.

    Static quantisation with weights scaled by channel, which depthwise convolutions need. The
    ranges of the activations are those that ``images`` (K, 3, S, S) give.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Faces(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = _batches(images)

        def get_next(self) -> dict[str, Floats] | None:
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch}

    with tempfile.TemporaryDirectory() as scratch, _silence():
        prepared, small = Path(scratch) / "prepared.onnx", Path(scratch) / "small.onnx"
        quant_pre_process(str(path), str(prepared))
        quantization.quantize_static(str(prepared), str(small), Faces(), per_channel=True)
        _save(onnx.load(small), to, read_facts(path))


def read_facts(path: Path) -> dict[str, Any]:
    """Return what an ONNX file of this package says of its detector."""
    import onnx

    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    facts: dict[str, Any] = json.loads(properties[METADATA])
    return facts


def add_facts(path: Path, facts: dict[str, Any]) -> None:
    """Let an ONNX file of this package say more of its detector."""
    import onnx

    _save(onnx.load(path), path, read_facts(path) | facts)


def _save(model: onnx.ModelProto, path: Path, facts: dict[str, Any]) -> None:
    import onnx

    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")  # stack traces: the paths of whoever exports
        part.ClearField("doc_string")
    del model.graph.metadata_props[:], model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA: json.dumps(facts)})
    with atomic(path) as temporary:
        onnx.save(model, temporary)


def _batches(images: Floats) -> Iterator[Floats]:
    sizes, start = cycle(BATCHES), 0
    while start < len(images):
        yield images[start : (start := start + next(sizes))]


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the advice that exporters give their developers from the user's terminal."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _require_packages() -> None:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise LTWError(f"{' and '.join(missing)} missing; install: pip install 'ltw[export]'")
