"""A finished run's detector, ready to be given to others: a released folder or an ONNX file."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from ltw import metrics
from ltw.config import Config
from ltw.data.loader import to_tensor
from ltw.data.selection import source_faces
from ltw.data.store import Store
from ltw.engine.model_card import write_card
from ltw.engine.run_folder import RunFolder
from ltw.engine.scoring import score
from ltw.errors import DataError, LTWError
from ltw.export import TOLERANCE, Agreement, add_facts, compare, quantize, write_onnx
from ltw.files import atomic, require_writable, scratch_folder, write_text
from ltw.infer.networks import Floats, OnnxNetwork
from ltw.infer.provenance import summarise
from ltw.models.detector import DetectorNetwork

CHECKED = 200
"""Faces that an ONNX file is compared with PyTorch on, and whose activations set int8's ranges."""
SCORED = 2000
"""Faces at most that int8 is measured on."""
POOR = 0.01
"""Loss of AUC from which int8 is warned of."""


@dataclass(frozen=True)
class Int8:
    """Frame AUC of an int8 file beside the float one's, on ``faces`` validation faces."""

    faces: int
    auc: float
    auc_float: float

    @property
    def loss(self) -> float:
        """How much AUC the integers cost."""
        return self.auc_float - self.auc


@dataclass(frozen=True)
class Exported:
    """What an ONNX file was checked with.

    Attributes:
        agreement: of the float network with PyTorch.
        faces: where the faces came from.
        int8: None for a float file.
    """

    agreement: Agreement
    faces: str
    int8: Int8 | None


def write_folder(run: Path, to: Path) -> bool:
    """Write the folder ``to``: detector.safetensors, detector.json, and a model card, README.md.

    Returns whether the run was evaluated, so that the card has figures.

    Raises:
        DataError: ``run`` has no detector, or one of an earlier version.
        LTWError: ``to`` holds other files.
    """
    config, detector = _open(run)
    if "verdicts" not in detector.config:
        raise DataError(
            f"{run}: was released by an earlier version, without calibration; release it again: "
            "ltw train --resume RUN (nothing is trained anew)"
        )
    ours = {"detector.safetensors", "detector.json", "README.md"}
    if to.is_dir() and (others := {path.name for path in to.iterdir()} - ours):
        raise LTWError(
            f"{to}: holds other files ({', '.join(sorted(others)[:3])}); give a new or empty folder"
        )
    folder = RunFolder(run)
    measured = None
    if folder.metrics_path.exists():
        folder.metrics()  # refuses a damaged file
        measured = json.loads(folder.metrics_path.read_text(encoding="utf-8"))
    detector.save(to)
    card = write_card(detector.config["name"], config, detector.config, measured)
    write_text(to / "README.md", card)
    return measured is not None


def write_file(run: Path, to: Path, *, store: Path | None = None, int8: bool = False) -> Exported:
    """Write the run's detector as the ONNX file ``to``, compared with PyTorch before it appears.

    Args:
        run: a finished run.
        to: the file.
        store: faces to check on, of the run's sources; by default those it was trained on, and
            noise where they are no longer there.
        int8: 8-bit integers; their ranges are set by training faces, their AUC is measured on
            validation faces.

    Raises:
        DataError: ``run`` has no detector, or ``store`` lacks its sources.
        LTWError: the extra ``export`` is not installed, the backbone cannot be exported, the
            networks differ, or there are no faces for ``int8``.
    """
    require_writable(to)
    config, detector = _open(run)
    faces = _Faces.of(config, detector.image_size, store)
    if faces is None and int8:
        raise LTWError(
            f"int8 is set up and measured on faces, and {config.store} is not there: "
            "give the run's store by --store"
        )
    with scratch_folder(to) as scratch:
        made = scratch / "float.onnx"
        write_onnx(detector, made)
        images = _noise(detector.image_size) if faces is None else faces.images(CHECKED)
        agreement = compare(detector, made, images)
        if not agreement.close:
            raise LTWError(
                f"{to}: not written, for it does not say what PyTorch says: logits differ by up to "
                f"{agreement.logit:.2g}, probabilities by {agreement.probability:.2g} "
                f"(allowed: {TOLERANCE:g})"
            )
        measured = None
        if int8 and faces is not None:
            small = scratch / "int8.onnx"
            quantize(made, small, faces.images(CHECKED, "train"))
            measured = _measure(faces, made, small)
            made = small
            add_facts(made, {"int8": {"auc": measured.auc, "auc_float": measured.auc_float}})
        with atomic(to) as part:
            shutil.copyfile(made, part)
    source = "noise" if faces is None else f"faces of {faces.store.path}"
    return Exported(agreement, source, measured)


@dataclass(frozen=True)
class _Faces:
    """Faces of a run's sources in a store."""

    store: Store
    config: Config
    image_size: int

    @classmethod
    def of(cls, config: Config, image_size: int, store: Path | None) -> _Faces | None:
        """Open the store asked for, or the run's own; None where that is gone."""
        if store is None and not config.store.exists():
            return None
        return cls(Store(store or config.store), config, image_size)

    def rows(self, at_most: int, *splits: str) -> NDArray[np.int64]:
        """Return evenly spaced ones of the faces of ``splits``."""
        config = self.config
        rows = np.concatenate(
            [
                source_faces(self.store.records, list(config.sources), config.compression, split)
                for split in splits
            ]
        )
        chosen = np.linspace(0, len(rows) - 1, min(at_most, len(rows))).astype(np.int64)
        return np.asarray(rows[chosen], np.int64)

    def images(self, at_most: int, *splits: str) -> Floats:
        """Return faces, by default of training and validation, as a network takes them."""
        rows = self.rows(at_most, *(splits or ("train", "val")))
        return to_tensor(self.store.images(rows), self.image_size).contiguous().numpy()


def _measure(faces: _Faces, full: Path, small: Path) -> Int8:
    rows = faces.rows(SCORED, "val")
    labels = faces.store.records.loc[rows, "label"].to_numpy()
    aucs = []
    for path in (small, full):
        network = OnnxNetwork(path, path.stem)

        def logits(images: Tensor, network: OnnxNetwork = network) -> Tensor:
            return torch.from_numpy(network.logits(images.contiguous().numpy()))

        scored = score(logits, faces.store, rows, image_size=faces.image_size, batch_size=32)
        aucs.append(metrics.auc(labels, expit(scored)))
    return Int8(len(rows), *aucs)


def _open(run: Path) -> tuple[Config, DetectorNetwork]:
    folder = RunFolder(run)
    config = folder.config
    if not folder.detector.is_dir():
        raise DataError(f"{run}: this run has not ended; finish it: ltw train --resume {run}")
    detector = DetectorNetwork.load(folder.detector)
    detector.config["name"] = run.resolve().name
    if folder.metrics_path.exists():
        domains = json.loads(folder.metrics_path.read_text())["domains"]
        detector.config["measured"] = summarise(domains, config.sources)
    return config, detector


def _noise(size: int) -> Floats:
    return np.random.default_rng(0).random((CHECKED, 3, size, size), dtype=np.float32)
