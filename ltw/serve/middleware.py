"""Middleware: who may ask (host name and origin), and the security headers of every answer.

A service on the loopback interface can be reached by any page open in the same browser. Such a page
is told by its Origin; one whose own name was made to point here (DNS rebinding) by the Host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src blob:; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
    "Cache-Control": "no-store",
}


class AccessControl:
    """Middleware (ASGI) before ``app``: ``names`` are the host names it answers to, and localhost.

    Addresses are answered to as well, since no name has been made to point here then: those of the
    loopback interface, and with ``any_address`` all.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = (), *, any_address: bool) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        reason = self._objection(scope["method"], Headers(scope=scope))
        app = JSONResponse({"error": reason}, 403) if reason else self._app
        await app(scope, receive, send_with_headers)

    def _objection(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._known(host):
            return "This service does not answer to this host name; see ltw serve --allow-host."
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            return "Pages of other sites may not use this service."
        if method not in ("GET", "HEAD") and headers.get("sec-fetch-site", "none") not in (
            "same-origin",
            "none",
        ):
            return "Pages of other sites may not use this service."
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address or address.is_loopback


def _place(origin: str) -> str:
    """Return the host and port of an origin, as a Host header says them."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
