"""Command `ltw serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ltw.errors import LTWError

_EXTRA = {"fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client"}


def serve(
    model: Annotated[
        str | None,
        typer.Option(help="A run's folder, a released folder, an ONNX file, or hf://owner/name."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with all settings (docs/serve.md); options come before it."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: 8000; 0: any that is free.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Further host name to answer to; may be repeated.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that score, each with the model; default: 2."),
    ] = None,
    queue: Annotated[
        int | None, typer.Option(min=0, help="Files that may wait for a worker; default: 8.")
    ] = None,
    max_megabytes: Annotated[
        float | None, typer.Option(min=0, help="Size of a file; default: 100.")
    ] = None,
) -> None:
    """Score files over HTTP, with a page for the browser.

    Listens on this computer alone unless --host says otherwise. Files are deleted when they are
    scored, and sent nowhere else.

    Example: `ltw serve --model runs/gid-df23-ltw-0`, then open http://127.0.0.1:8000
    """
    try:
        from ltw.serve import load_serve_config
        from ltw.serve import serve as run
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise LTWError(f"{error.name} is missing: pip install 'ltw[serve]'") from None
    settings = load_serve_config(
        config,
        {
            "model": model,
            "host": host,
            "port": port,
            "allow_host": allow_host,
            "workers": workers,
            "limits.queue": queue,
            "limits.megabytes": max_megabytes,
        },
    )
    if not settings.model.startswith("hf://"):
        os.environ["HF_HUB_OFFLINE"] = "1"
    run(settings)
