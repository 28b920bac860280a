"""Limits on what one file may ask of the service, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a service; each is an option of ``ltw serve``.

    Attributes:
        megabytes: size of a file, in 10^6 bytes.
        megapixels: of a photograph, in 10^6.
        video_megapixels: of a frame of a video; a worker holds ``frames`` of them.
        video_seconds: length of a video.
        video_frames: length of a video, where it has very many frames a second.
        seconds: time that an upload, and then its scoring, may take.
        frames: evenly spaced frames looked at in a video.
        queue: files that may wait while all workers are busy.
        keep: seconds that a result of the page can be asked for.
    """

    megabytes: float = 100
    megapixels: float = 50
    video_megapixels: float = 9
    video_seconds: float = 600
    video_frames: int = 40_000
    seconds: float = 120
    frames: int = 32
    queue: int = 8
    keep: float = 600


class Refusal(Exception):  # noqa: N818 - an answer, as often returned as raised
    """A file or request that is turned down: an HTTP status and one sentence for the user.

    ``retry_after`` is in seconds, where coming back may help.
    """

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(status, reason, retry_after)  # all of it, to survive pickling
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
