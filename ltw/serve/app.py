"""Application (FastAPI): the API, the page, health checks and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ltw import __version__
from ltw.infer import Prediction
from ltw.infer.provenance import DetectorInfo
from ltw.infer.report import FileView, render
from ltw.palette import theme_css
from ltw.serve.jobs import Job, JobState, Results
from ltw.serve.limits import Limits, Refusal
from ltw.serve.middleware import AccessControl
from ltw.serve.pool import Pool
from ltw.serve.prometheus import RequestCounter
from ltw.serve.scoring import Scored
from ltw.serve.uploads import FIELD, drain, receive

PAGE = Path(__file__).with_name("page")
SWEEP_SECONDS = 5.0


@dataclass(frozen=True)
class Problem:
    """Why a request was turned down, in a sentence."""

    error: str


@dataclass(frozen=True)
class About:
    """The model, and the limits of the service.

    A photograph is fake from ``threshold`` on and real below ``real_below``, a video by the others.
    """

    model: str
    threshold: float
    real_below: float
    video_threshold: float
    video_real_below: float
    detector: DetectorInfo
    version: str
    limits: Limits


@dataclass(frozen=True)
class JobView:
    """How far a job is: ``ahead`` files wait before it; ``done`` of ``total`` frames are searched.

    ``result`` is there when ``state`` is done, ``error`` when it is failed.
    """

    id: str
    name: str
    state: JobState
    ahead: int
    done: int
    total: int
    result: Scored | None
    error: str | None


@dataclass(frozen=True)
class Health:
    """``ready`` is whether files are taken; ``workers`` is how many have the model loaded."""

    ready: bool
    workers: int


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def _problems(**texts: str) -> dict[int | str, dict[str, Any]]:
    common = {"_403": "The host name, or the page that asks, is not known."}
    return {
        int(status[1:]): {"model": Problem, "description": text}
        for status, text in (common | texts).items()
    }


_UPLOAD_PROBLEMS = _problems(
    _400="Not one file in the field `file`.",
    _408="The upload takes too long.",
    _413="The file is too large.",
    _415="Not multipart/form-data, or not a kind of file that can be scored.",
    _422="Damaged, too long, too many pixels, or scoring takes too long.",
    _503="All places are taken, or the service is shutting down: see the header Retry-After.",
    _507="No room for the upload.",
)


def create_app(
    pool: Pool, results: Results, *, names: Collection[str] = (), any_address: bool = False
) -> ASGIApp:
    """Return the service on a started pool; `AccessControl` describes the other arguments."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(results))
        yield
        sweeper.cancel()

    app = FastAPI(
        title="ltw serve",
        version=__version__,
        summary="How likely is it that a face in a photograph or video was forged?",
        description="The same scores as `ltw predict`. Files are deleted when they are scored.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    _add_api(app, pool, results)
    _add_pages(app)
    _add_monitoring(app, pool)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    return AccessControl(RequestCounter(app, pool.metrics), names, any_address=any_address)


def _add_api(app: FastAPI, pool: Pool, results: Results) -> None:
    async def accept(request: Request, *, pictures: bool) -> Job:
        try:
            pool.reserve()
        except Refusal:
            await drain(request.receive)
            raise
        try:
            job = Job(await receive(request, pool.limits), pictures=pictures)
        except BaseException:
            pool.give_back()
            raise
        pool.submit(job)
        return job

    @app.post("/api/predict", responses=_UPLOAD_PROBLEMS, openapi_extra=_BODY, tags=["API"])
    async def predict(request: Request) -> Prediction:
        """Score a file and wait for the result, which is that of `ltw predict --json`."""
        job = await accept(request, pictures=False)
        future = asyncio.wrap_future(job.future)
        while not (await asyncio.wait({future}, timeout=1.0))[0]:
            if await request.is_disconnected():
                job.cancelled.set()
        return future.result().prediction

    @app.post(
        "/api/jobs", status_code=202, responses=_UPLOAD_PROBLEMS, openapi_extra=_BODY, tags=["API"]
    )
    async def start_job(request: Request, response: Response) -> JobView:
        """Queue a file and return at once; ask for the job until its state is done or failed."""
        job = await accept(request, pictures=True)
        results.add(job)
        response.headers["Location"] = f"/api/jobs/{job.id}"
        return _view(job, pool)

    @app.get("/api/jobs/{id}", responses=_problems(_404="No such job, or no longer."), tags=["API"])
    async def read_job(id: str) -> JobView:
        """Return how far a job is, and in the end its result with pictures."""
        job = results.get(id)
        job.seen = job.seen or job.future.done()
        return _view(job, pool)

    @app.delete(
        "/api/jobs/{id}",
        status_code=204,
        response_model=None,
        responses=_problems(_404="No such job, or no longer."),
        tags=["API"],
    )
    async def delete_job(id: str) -> None:
        """Stop a job, and forget its file and result."""
        results.remove(id)

    @app.get("/api/about", responses=_problems(), tags=["API"])
    async def about() -> About:
        """Return the model's name and threshold, and the limits."""
        settings = pool.settings
        face, video = settings.band, settings.video_band
        bands = (face.high, face.low, video.high, video.low)
        return About(settings.name, *bands, settings.info, __version__, pool.limits)

    @app.get(
        "/api/report",
        response_class=Response,
        responses=_problems(
            _404="No such job, or no longer, or one that was not scored.", _422="No job is named."
        )
        | {200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
        tags=["API"],
    )
    async def report(job: Annotated[list[str], Query(min_length=1)]) -> Response:
        """Return the report of jobs that are done, as `ltw predict --html` writes it."""
        entries = [_entry(results.get(id)) for id in job]
        page = await asyncio.to_thread(render, entries, pool.settings)
        name = f"ltw-report-{datetime.now(UTC):%Y%m%d-%H%M%S}.html"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HTMLResponse(page, headers=headers)


def _entry(job: Job) -> FileView:
    """Return what a report shows of a job."""
    if job.result is None:
        raise Refusal(404, f"{job.task.name} was not scored, or not yet.")
    return FileView(job.result.prediction, job.result.pictures, job.result.faces)


def _view(job: Job, pool: Pool) -> JobView:
    done, total = job.progress
    refusal = job.refusal
    return JobView(
        id=job.id,
        name=job.task.name,
        state=job.state,
        ahead=pool.ahead(job),
        done=done,
        total=total,
        result=job.result,
        error=refusal.reason if refusal else None,
    )


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html")

    @app.get("/palette.css", include_in_schema=False)
    async def palette() -> Response:
        return Response(theme_css(), media_type="text/css")

    app.mount("/static", StaticFiles(directory=PAGE))


def _add_monitoring(app: FastAPI, pool: Pool) -> None:
    def health() -> Health:
        return Health(ready=pool.up > 0 and not pool.closing, workers=pool.up)

    @app.get("/health", responses=_problems(), tags=["monitoring"])
    async def live() -> Health:
        """Liveness: 200 as long as the service answers at all."""
        return health()

    @app.get(
        "/health/ready",
        responses=_problems() | {503: {"model": Health, "description": "Not ready."}},
        tags=["monitoring"],
    )
    async def ready(response: Response) -> Health:
        """Readiness: 200 if files are taken, 503 while none is, as when shutting down."""
        state = health()
        response.status_code = 200 if state.ready else 503
        return state

    @app.get(
        "/metrics", response_class=PlainTextResponse, responses=_problems(), tags=["monitoring"]
    )
    async def metrics() -> Response:
        """Return counters in the text format of Prometheus."""
        return Response(pool.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _sweep(results: Results) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        results.forget()


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse({"error": error.reason}, error.status, headers)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{error.detail}."}, error.status_code, error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": f"The request is not valid: {error}"}, 422)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "The service failed; its log says why."}, 500)
