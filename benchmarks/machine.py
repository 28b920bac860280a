"""One line that says where and when a figure was taken."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path

import torch


def describe() -> str:
    """Processor, cores, versions and date."""
    info = Path("/proc/cpuinfo")
    models = (
        [s for s in info.read_text().splitlines() if s.startswith("model name")]
        if info.exists()
        else []
    )
    name = models[0].split(":", 1)[1].strip() if models else platform.processor() or "unknown CPU"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{name}, {os.cpu_count()} cores, {device}; Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}; {date.today().isoformat()}"
    )
