"""`ltw serve`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ltw.errors import LTWError
from ltw.parallel import cores

_EXTRA = {"fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client"}


def serve(
    model: Annotated[
        str,
        typer.Option(help="A run's folder, a released folder, an ONNX file, or hf://owner/name."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Further host name to answer to; may be repeated.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that score; each has the model in memory.")
    ] = min(2, cores()),
    queue: Annotated[int, typer.Option(min=0, help="Files that may wait for a worker.")] = 8,
    frames: Annotated[int, typer.Option(min=1, help="Frames looked at in a video.")] = 32,
    max_megabytes: Annotated[float, typer.Option(min=0, help="Size of a file.")] = 100,
    max_megapixels: Annotated[float, typer.Option(min=0, max=150, help="Of a photograph.")] = 50,
    max_video_megapixels: Annotated[
        float, typer.Option(min=0, help="Of a video's frame; 8.3 is 3840 x 2160.")
    ] = 9,
    max_video_seconds: Annotated[float, typer.Option(min=0, help="Length of a video.")] = 600,
    max_video_frames: Annotated[int, typer.Option(min=1, help="Length of a video.")] = 40_000,
    max_seconds: Annotated[
        float, typer.Option(min=0, help="Time for an upload, and then for scoring it.")
    ] = 120,
    keep: Annotated[
        float, typer.Option(min=1, help="Seconds that the page's results are kept, in memory.")
    ] = 600,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds to finish accepted files when told to end.")
    ] = 30,
) -> None:
    """Score files over HTTP, with a page for the browser.

    Listens on this computer alone unless --host says otherwise. Files are deleted when they are
    scored, and sent nowhere else.

    Example: `ltw serve --model runs/gid-df23-ltw-0`, then open http://127.0.0.1:8000
    """
    if not model.startswith("hf://"):
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from ltw.serve import Limits
        from ltw.serve import serve as run
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise LTWError(f"{error.name} is missing: pip install 'ltw[serve]'") from None
    limits = Limits(
        megabytes=max_megabytes,
        megapixels=max_megapixels,
        video_megapixels=max_video_megapixels,
        video_seconds=max_video_seconds,
        video_frames=max_video_frames,
        seconds=max_seconds,
        frames=frames,
        queue=queue,
        keep=keep,
    )
    run(
        model,
        host=host,
        port=port,
        limits=limits,
        workers=workers,
        grace=grace,
        names=allow_host or (),
    )
