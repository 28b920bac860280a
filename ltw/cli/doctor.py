"""Command `ltw doctor`: what a bug report should say of a machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import ltw
from ltw.cli.output import output


def doctor() -> None:
    """Print versions, devices, codecs and caches, to be pasted into a bug report.

    Nothing is sent, and neither names nor paths outside of the caches are shown.

    Example: `ltw doctor`
    """
    for title, rows in {
        "ltw": _machine(),
        "device": _devices(),
        "codecs": _codecs(),
        "caches": _caches(),
        "packages": _packages(),
    }.items():
        output.print(title)
        for name, value in rows:
            output.print(f"  {name:<36} {value}", soft_wrap=True)


def _machine() -> Iterator[tuple[str, str]]:
    from ltw.parallel import cores

    yield "version", ltw.__version__
    yield "python", f"{platform.python_version()} ({sys.implementation.name})"
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}"
    yield "cores", f"{cores()} of {os.cpu_count()}"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield "memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.1f} GB"
    yield "free disk here", f"{shutil.disk_usage('.').free / 1e9:.1f} GB"


def _devices() -> Iterator[tuple[str, str]]:
    import torch

    yield "torch", f"{torch.__version__}, {torch.get_num_threads()} threads"
    if not torch.cuda.is_available():
        yield "GPU", f"none that PyTorch can use (built for CUDA {torch.version.cuda})"
    for number in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(number)
        yield f"cuda:{number}", f"{found.name}, {found.total_memory / 1e9:.0f} GB"


def _codecs() -> Iterator[tuple[str, str]]:
    import av
    from PIL import Image, features

    yield "FFmpeg (av)", av.ffmpeg_version_info
    for codec in ("h264", "hevc", "vp9", "av1", "mpeg4"):
        yield f"video: {codec}", "decoded" if _decodes(codec) else "missing"
    Image.init()
    for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"):
        yield f"picture: {name}", "decoded" if name in Image.OPEN else "missing"
    yield "libjpeg-turbo", str(features.check_feature("libjpeg_turbo"))


def _decodes(codec: str) -> bool:
    import av

    try:
        av.Codec(codec, "r")
    except (av.FFmpegError, ValueError):
        return False
    return True


def _caches() -> Iterator[tuple[str, str]]:
    from huggingface_hub.constants import HF_HUB_CACHE, HF_HUB_OFFLINE
    from torch.hub import get_dir

    from ltw.models.backbones import PACKAGED

    yield "Hugging Face Hub", f"{HF_HUB_CACHE} ({_holds(Path(HF_HUB_CACHE))})"
    yield "offline (HF_HUB_OFFLINE)", str(HF_HUB_OFFLINE)
    yield "torch.hub", f"{get_dir()} ({_holds(Path(get_dir()))})"
    yield "weights in packages", ", ".join(PACKAGED)


def _holds(folder: Path) -> str:
    if not folder.is_dir():
        return "not there"
    models = sum(1 for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return f"{models} folders"


def _packages() -> Iterator[tuple[str, str]]:
    """Yield the declared dependencies, those of extras where they are installed."""
    requirements = metadata.requires("ltw") or []
    names = [match[0] for text in requirements if (match := re.match(r"[\w.-]+", text))]
    for name in dict.fromkeys(names):
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"
