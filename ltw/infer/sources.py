"""Model sources: a run, a released folder, an ONNX file, a model hub."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ltw.errors import DataError
from ltw.infer.networks import Network, OnnxNetwork, Settings, TorchNetwork
from ltw.infer.provenance import Measured, summarise

HUB = "hf://"


def open_network(source: str | Path, device: str | None = None) -> Network:
    """Open what ``source`` names; see `ltw.infer.Detector.load`.

    Raises:
        DataError: there is no such source, no detector in it, or a damaged one.
    """
    if str(source).startswith(HUB):
        name = str(source).removeprefix(HUB)
        return TorchNetwork(_released(_fetch(name), source), device, name)
    path = Path(source)
    if path.is_dir():
        run = path.resolve()
        name = run.parent.name if run.name == "detector" else run.name
        network = TorchNetwork(_released(path, source), device, name)
        measured = run.parent if run.name == "detector" else run
        network.settings = _measured(network.settings, measured / "metrics.json")
        return network
    if path.suffix.lower() == ".onnx" and path.is_file():
        return OnnxNetwork(path, path.stem)
    what = "is neither a folder nor an .onnx file" if path.exists() else "no such file or folder"
    raise DataError(
        f"{source}: {what}; a model is a run's folder, a released folder (with detector.json), "
        f"an ONNX file of `ltw export`, or {HUB}owner/name"
    )


def _measured(settings: Settings, metrics: Path) -> Settings:
    """Return a run's settings with what it was measured on, if it was."""
    provenance = settings.provenance
    if provenance.measured or not metrics.is_file():
        return settings
    try:
        domains = json.loads(metrics.read_text(encoding="utf-8"))["domains"]
        tests = summarise(domains, provenance.forgeries)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{metrics}: damaged ({error!r}); repeat ltw evaluate") from None
    measured = tuple(Measured(**test) for test in tests)
    return replace(settings, provenance=replace(provenance, measured=measured))


def _released(folder: Path, source: str | Path) -> Path:
    """Return the folder that holds detector.json: the folder itself, or a run's ``detector``."""
    for place in (folder, folder / "detector"):
        if (place / "detector.json").is_file():
            return place
    unfinished = (folder / "config.toml").is_file()
    raise DataError(
        f"{source}: no detector here (neither detector.json nor detector/detector.json)"
        + ("; this run has not ended: ltw train CONFIG --resume" if unfinished else "")
    )


def _fetch(name: str) -> Path:
    """Download a repository's detector, or take it from the local cache."""
    import huggingface_hub

    repository, _, revision = name.partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise DataError(f"{HUB}{name}: write it as {HUB}owner/name, or {HUB}owner/name@revision")
    try:
        folder = huggingface_hub.snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=["detector.json", "detector.safetensors"],
        )
    except Exception as error:  # the client raises its own, its HTTP library's, and OSError
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        raise DataError(
            f"{HUB}{name}: cannot be fetched and is not in the local cache ({reason})"
        ) from None
    return Path(folder)
