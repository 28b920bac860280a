"""Uploads: from the network into a file that no crash can leave behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from ltw.media.formats import Kind
from ltw.serve.formats import HEAD, kind_of
from ltw.serve.limits import Limits, Refusal

FIELD = "file"
ENVELOPE = 10_000
"""Bytes of a request beyond its file: boundaries and a part's headers."""
DRAIN_SECONDS = 5.0
PREFIX = "ltw-serve-"


@dataclass
class Upload:
    """A received file: what the user calls it, its kind, and the path a worker opens it by."""

    name: str
    kind: Kind
    path: str
    file: IO[bytes]

    def close(self) -> None:
        """Delete it."""
        self.file.close()


async def receive(request: Request, limits: Limits) -> Upload:
    """Take the file out of a multipart request.

    Raises:
        Refusal: 400 and 415, it is not one file in the field ``file`` of multipart/form-data, or
            not of a kind that can be scored; 408, it takes too long; 413, it is too large; 507,
            there is no room for it.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refusal(415, f"Send one file as multipart/form-data, in the field '{FIELD}'.")
    body = _LimitedBody(request.receive, int(limits.megabytes * 1e6))
    try:
        async with asyncio.timeout(limits.seconds):
            form = await Request(request.scope, body).form(max_files=1, max_fields=0)
    except TimeoutError:
        raise Refusal(408, f"The upload took longer than {limits.seconds:g} s.") from None
    except HTTPException as error:
        raise Refusal(400, f"One file is needed, in the field '{FIELD}': {error.detail}") from None
    except ClientDisconnect:
        raise Refusal(400, "The upload broke off.") from None
    except ValueError:  # a part's charset that no name can be read in
        raise Refusal(400, "The multipart form cannot be read.") from None
    except OSError as error:
        raise Refusal(507, f"There is no room for the upload: {error.strerror}.") from None
    file = form.get(FIELD)
    if not isinstance(file, UploadFile):
        await form.close()
        raise Refusal(400, f"There is no file in the field '{FIELD}'.")
    return _keep(file, int(limits.megabytes * 1e6))


class _LimitedBody:
    """A request's body, refused where it is larger than ``limit`` bytes and its envelope."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._left = limit + ENVELOPE

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left >= 0:
            return message
        if message.get("more_body", False):
            await drain(self._receive)
        raise too_large(self._limit)


async def drain(receive: Receive) -> None:
    """Read what is left of a request and throw it away, for a while.

    Many clients do not listen before they have sent everything, and would miss the answer.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass


def too_large(limit: int) -> Refusal:
    """Return the refusal of a file of more than ``limit`` bytes."""
    return Refusal(413, f"The file is larger than {limit / 1e6:g} MB, the limit.")


def _keep(received: UploadFile, limit: int) -> Upload:
    spooled: Any = received.file
    try:
        if (received.size or 0) > limit:
            raise too_large(limit)
        spooled.seek(0)
        kind = kind_of(spooled.read(HEAD))
        name = (received.filename or "file").encode("utf-8", "replace").decode()[:255]
        path, file = _on_disk(spooled)
    except BaseException:
        spooled.close()
        raise
    return Upload(name, kind, path, file)


def _on_disk(spooled: Any) -> tuple[str, IO[bytes]]:
    """Return a path that other processes can open, and the file to close when it may go.

    Where there is /proc, the file has no name: the system frees it when the last process that
    holds it ends, however it ends. Elsewhere it has one, and `sweep` looks after crashes.
    """
    if Path("/proc/self/fd").is_dir():
        spooled.rollover()
        spooled.flush()
        return f"/proc/{os.getpid()}/fd/{spooled.fileno()}", spooled
    named = tempfile.NamedTemporaryFile(prefix=f"{PREFIX}{os.getpid()}-")  # noqa: SIM115
    spooled.seek(0)
    shutil.copyfileobj(spooled, named)
    named.flush()
    spooled.close()
    return named.name, named


def sweep() -> None:
    """Delete the uploads of services that crashed, where uploads have names."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _runs(int(path.name.removeprefix(PREFIX).partition("-")[0] or 0)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
