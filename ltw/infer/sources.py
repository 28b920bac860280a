"""Model sources: a run, a released folder, an ONNX file, a model hub."""

from __future__ import annotations

from pathlib import Path

from ltw.errors import DataError
from ltw.infer.networks import Network, OnnxNetwork, TorchNetwork

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
        return TorchNetwork(_released(path, source), device, name)
    if path.suffix.lower() == ".onnx" and path.is_file():
        return OnnxNetwork(path, path.stem)
    what = "is neither a folder nor an .onnx file" if path.exists() else "no such file or folder"
    raise DataError(
        f"{source}: {what}; a model is a run's folder, a released folder (with detector.json), "
        f"an ONNX file of `ltw export`, or {HUB}owner/name"
    )


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
