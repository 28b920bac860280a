"""Options of the commands that read pictures and videos."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ltw.media.boundary import DEBUG

MaxMegapixels = Annotated[
    float, typer.Option(min=0, help="Of a photograph; larger ones are listed, not read.")
]
MaxVideoMegapixels = Annotated[
    float, typer.Option(min=0, help="Of a video's frame; 33.2 is 7680 x 4320.")
]
MaxAspect = Annotated[
    float, typer.Option(min=1, help="Longer side of a picture or frame over the shorter.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback behind every file that fails.")
]


def show_tracebacks(debug: bool) -> None:
    """Let this process and those it starts show what is behind the reason of a file that fails."""
    if debug:
        os.environ[DEBUG] = "1"
