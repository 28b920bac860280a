"""Limits on what one file may ask of the service, and how it is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Limits(BaseModel):
    """Limits of a service: the table ``[limits]`` of its configuration file."""

    model_config = STRICT

    megabytes: float = Field(default=100, ge=0)
    """Size of a file, in 10^6 bytes."""
    megapixels: float = Field(default=50, ge=0, le=150)
    """Pixels of a photograph, in 10^6."""
    video_megapixels: float = Field(default=9, ge=0)
    """Pixels of a video's frame, in 10^6; a worker holds `frames` of them. 3840 x 2160 is 8.3."""
    video_seconds: float = Field(default=600, ge=0)
    """Length of a video."""
    video_frames: int = Field(default=40_000, ge=1)
    """Length of a video, where it has very many frames a second."""
    seconds: float = Field(default=120, ge=0)
    """Time that an upload, and then its scoring, may take."""
    frames: int = Field(default=32, ge=1)
    """Evenly spaced frames looked at in a video."""
    queue: int = Field(default=8, ge=0)
    """Files that may wait while all workers are busy."""
    keep: float = Field(default=600, ge=0)
    """Seconds for which a job's result can be asked for."""


class Refusal(Exception):  # noqa: N818 - an answer, as often returned as raised
    """A file or request that is turned down: an HTTP status and one sentence for the user.

    ``retry_after`` is in seconds, where coming back may help.
    """

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(status, reason, retry_after)  # all of it, to survive pickling
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
