"""Prometheus metrics of the service: no file name and nothing of a file's content."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ltw.infer import Prediction

HTTP_METHODS = ("GET", "HEAD", "POST", "DELETE")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class ServiceMetrics:
    """Metrics of one service; the gauges are read by the functions given."""

    def __init__(
        self, waiting: Callable[[], int], working: Callable[[], int], up: Callable[[], int]
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "ltw_requests",
            "Requests answered.",
            ["method", "path", "status"],
            registry=self._registry,
        )
        self._files = Counter(
            "ltw_files",
            "Files, by what came of them.",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "ltw_scoring_seconds",
            "Time in a worker, of files that were scored.",
            ["kind"],
            buckets=SECONDS,
            registry=self._registry,
        )
        for name, text, read in (
            ("ltw_files_waiting", "Files that wait for a worker.", waiting),
            ("ltw_files_working", "Files being scored.", working),
            ("ltw_workers_up", "Worker processes with the model loaded.", up),
        ):
            Gauge(name, text, registry=self._registry).set_function(read)

    def answered(self, method: str, path: str, status: int) -> None:
        """Count a request; ``path`` is a route's pattern, so that there are few."""
        self._requests.labels(method, path, status).inc()

    def scored(self, prediction: Prediction, seconds: float) -> None:
        """Count a file that was scored, in ``seconds``."""
        self._files.labels(prediction.kind, prediction.verdict).inc()
        self._seconds.labels(prediction.kind).observe(seconds)

    def failed(self, kind: str, why: str) -> None:
        """Count a file that was accepted and not scored."""
        self._files.labels(kind, why).inc()

    def text(self) -> bytes:
        """Return them in Prometheus's text format."""
        return generate_latest(self._registry)


class RequestCounter:
    """Middleware (ASGI) that counts the answers of ``app``."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if scope["method"] in HTTP_METHODS else "other"
                self._metrics.answered(method, path, message["status"])
            await send(message)

        await self._app(scope, receive, count)
