"""Server (uvicorn): a socket, the worker pool, and a graceful shutdown."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import time
from types import FrameType

import uvicorn

from ltw.errors import LTWError
from ltw.serve.app import create_app
from ltw.serve.config import ServeConfig
from ltw.serve.jobs import Results
from ltw.serve.pool import Pool
from ltw.serve.uploads import sweep

log = logging.getLogger(__name__)

PICKUP_SECONDS = 3.0
"""How long results wait, at the end, for whoever asked for them."""


def serve(config: ServeConfig) -> None:
    """Serve until SIGINT or SIGTERM; then finish what was accepted, for up to `grace` seconds.

    Raises:
        LTWError: the address cannot be listened on, or the model cannot be loaded.
    """
    listener = _bind(config.host, config.port)
    address, port = listener.getsockname()[:2]
    local = ipaddress.ip_address(address).is_loopback
    if not local:
        log.warning(
            f"warning: {address} is not a loopback address: everybody who can reach this machine "
            "can send files here, unencrypted and without a password"
        )
    sweep()
    log.info(f"loading {config.model} ...")
    pool = Pool(config.model, config.limits, config.workers)
    try:
        settings = pool.start()
        results = Results(config.limits.keep)
        names = {config.host, *config.allow_host}
        app = create_app(pool, results, names=names, any_address=not local)
        http = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # whoever knows a job's address may read its result
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=int(PICKUP_SECONDS),
        )
        for warning in settings.info.warnings:
            log.warning(f"warning: {warning}")
        listener.listen()  # whoever reads the line below may connect at once
        shown = f"[{address}]" if ":" in address else address
        log.info(f"{settings.name} at http://{shown}:{port} (Ctrl-C ends it)")
        _Server(http, pool, results, config.grace).run([listener])
    finally:
        pool.close()
        listener.close()


class _Server(uvicorn.Server):
    """Goes on answering after the first signal until the pool is idle; a second ends it at once."""

    def __init__(self, config: uvicorn.Config, pool: Pool, results: Results, grace: float) -> None:
        super().__init__(config)
        self._pool = pool
        self._results = results
        self._grace = grace
        self._end = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self._pool.closing:
            self.should_exit = True
            return
        self._pool.refuse_new()
        self._end = time.monotonic() + self._grace
        log.info("finishing what was accepted; once more ends at once")

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to end."""
        if self._pool.closing:
            now = time.monotonic()
            if self._pool.idle:
                self._end = min(self._end, now + PICKUP_SECONDS)
            if now >= self._end or (self._pool.idle and not self._results.unseen):
                self.should_exit = True
        return await super().on_tick(counter)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise LTWError(
                f"cannot listen on {host}:{port}: the port is in use, perhaps by another `ltw "
                "serve`; choose another by --port, or --port 0 for any that is free"
            ) from None
        reason = getattr(error, "strerror", None) or error
        raise LTWError(
            f"cannot listen on {host}:{port} ({reason}); choose another --host or --port"
        ) from None
    return listener
