"""The routes of the HTTP interface, from which FastAPI also generates the OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from meshquake.exporters.fixtures.timeline import BLOCK, NEVER, stamp
from meshquake.exporters.server import streams
from meshquake.exporters.server.answers import Health, RecordPage, Refusal
from meshquake.exporters.server.hosts import Hosts, OnlyAsked
from meshquake.exporters.server.page import MEDIA_TYPE, Page
from meshquake.exporters.server.playback import Recording, SimulatedClock
from meshquake.exporters.server.query import (
    STREAMS,
    OptionalText,
    PageParameters,
    Parameters,
    QueryError,
    StreamName,
    StreamParameters,
    once_each,
)
from meshquake.exporters.server.streams import Streams
from meshquake.sim.records import METRIC
from meshquake.sim.version import VERSION

#: Most bytes of records searched for one page, so that a rare service can't keep the server busy.
_LOOKED = 32 * 2**20
#: Errors that any route may return.
_INSTEAD: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Refusal, "description": "The request cannot be answered; `error` says why."},
    503: {"description": "Too many connections."},
}


@dataclass(frozen=True)
class _Site:
    """The state that the routes share."""

    recording: Recording
    clock: SimulatedClock
    page: Page
    paging: asyncio.Lock
    streams: Streams


def application(
    recording: Recording,
    clock: SimulatedClock,
    page: Page,
    truth: Path | None,
    hosts: Hosts,
    stopping: Callable[[], bool],
) -> FastAPI:
    """Build the application that serves a recording.

    Parameters
    ----------
    recording, clock
        What is played, and how far it has played.
    page
        The Prometheus page of its metrics.
    truth
        The folder of the answer key; None to withhold it.
    hosts
        The host names to answer to.
    stopping
        Whether the server is stopping, so that streams should end.
    """
    app = FastAPI(
        title="meshquake",
        version=VERSION,
        description="A recorded incident in a service mesh, served as if it were happening now.",
        # A route below serves the document. FastAPI's own viewers would load scripts from the network, so they are off.
        openapi_url=None,
        responses=_INSTEAD,
        dependencies=[Depends(once_each)],
        exception_handlers={QueryError: _refused, HTTPException: _refused},
    )
    app.add_middleware(OnlyAsked, hosts=hosts)
    app.state.site = _Site(recording, clock, page, asyncio.Lock(), Streams(recording, clock, stopping))
    app.include_router(_telemetry)
    if truth is not None:
        app.include_router(_of_truth(truth))
    return app


async def _refused(request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (400, None)
    message = error.detail if isinstance(error, HTTPException) else str(error)
    if status == 404:
        message = "no such path; /openapi.json lists those that exist"
    elif status == 405:
        headers = {"allow": "GET, HEAD"}
    return JSONResponse({"error": message}, status, headers)


async def _site(request: Request) -> _Site:
    site: _Site = request.app.state.site
    return site


_Here = Annotated[_Site, Depends(_site)]
_Nothing = Annotated[Parameters, Query()]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_telemetry = APIRouter()


def _get(router: APIRouter, path: str, **documented: Any) -> Callable[[_Endpoint], _Endpoint]:
    """Add a route for GET, and one for HEAD (undocumented), which FastAPI, unlike Starlette, does not add itself."""

    def add(endpoint: _Endpoint) -> _Endpoint:
        router.head(path, include_in_schema=False)(endpoint)
        return router.get(path, **documented)(endpoint)

    return add


def _text(described: dict[str, str]) -> dict[str, Any]:
    """Document a text response: its media types, and what each contains."""
    return {"content": {name: {"schema": {"type": "string", "description": what}} for name, what in described.items()}}


@_get(_telemetry, "/healthz")
async def health(site: _Here, asked: _Nothing) -> Health:
    """How far the recording has played."""
    return Health(
        status="ok",
        start=stamp(site.recording.fixture.start).decode(),
        now=stamp(site.clock.moment).decode(),
        readers=site.streams.readers,
    )


@_get(
    _telemetry,
    "/metrics",
    response_class=Response,
    responses={200: _text({"text/plain": "Prometheus text format."})},
)
async def metrics(site: _Here, asked: _Nothing) -> Response:
    """The metrics of the simulated now, for Prometheus to scrape."""
    async with site.paging:
        text = await run_in_threadpool(site.page.text, site.clock.moment)
    return Response(text, media_type=MEDIA_TYPE)


@_get(_telemetry, "/openapi.json")
async def openapi(request: Request, asked: _Nothing) -> dict[str, Any]:
    """This document."""
    document: dict[str, Any] = request.app.openapi()
    page: Page = request.app.state.site.page
    document["components"]["schemas"][METRIC.name] |= page.schema
    return document


@_get(_telemetry, "/v1/records", response_model=RecordPage)
async def records(site: _Here, asked: Annotated[PageParameters, Query()]) -> Response:
    """What has happened so far, page by page."""
    kinds, wanted = asked.kinds, asked.only
    until = asked.until(site.recording, site.clock)
    position = asked.position(site.recording, site.clock)
    now, end = stamp(site.clock.moment), NEVER if until is None else stamp(until)
    found: list[bytes] = []
    looked = pause = 0
    over = False
    for line, after in site.recording.read(kinds, position):
        over = line.moment >= end
        if over or line.moment > now or len(found) == asked.limit or looked > _LOOKED:
            break
        position = after
        looked += len(line.text)
        if wanted(line.text):
            found.append(streams.named(line, after))
        if looked > pause:
            pause = looked + BLOCK
            await asyncio.sleep(0)
    over = over or site.recording.over(kinds, position)
    body = b'{"records":[%b],"next":%b}' % (b",".join(found), b"null" if over else f'"{position}"'.encode())
    return Response(body, media_type="application/json")


@_get(
    _telemetry,
    "/v1/stream/{signal}",
    response_class=Response,
    responses={
        200: _text(
            {
                "application/x-ndjson": "One record per line; for `all`, each record with its signal.",
                "text/event-stream": "Type: the signal. Data: the record. Id: a cursor.",
            }
        ),
        204: {"description": "The event stream is complete: there are no more records."},
    },
)
async def stream(
    request: Request,
    site: _Here,
    signal: StreamName,
    asked: Annotated[StreamParameters, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[
        OptionalText,
        Header(
            description="Id of the last event received: an event stream resumes after it, not at `from` or `cursor`."
        ),
    ] = None,
) -> Response:
    """Records as they become due, in order of time."""
    if signal not in STREAMS:
        raise HTTPException(404)
    kinds = STREAMS[signal]
    events = "text/event-stream" in accept
    if events and last_event_id is not None:
        asked = asked.model_copy(update={"from_": None, "cursor": last_event_id})
    position = asked.position(site.recording, site.clock)
    if events and site.recording.over(kinds, position):
        return Response(status_code=204)  # otherwise a browser would reconnect forever
    media_type = "text/event-stream" if events else "application/x-ndjson"
    if request.method == "HEAD":
        return Response(media_type=media_type)
    encode = streams.event if events else streams.mixed if signal == "all" else streams.plain
    chunks = site.streams.stream(kinds, position, asked.only, encode, b":\n\n" if events else b"")
    return StreamingResponse(chunks, media_type=media_type, headers={"cache-control": "no-store"})


def _of_truth(folder: Path) -> APIRouter:
    """Build the routes of the answer key."""
    router = APIRouter()

    @_get(router, "/v1/truth", response_model=dict[str, Any])
    async def truth(asked: _Nothing) -> Response:
        """The answer key."""
        return FileResponse(folder / "ground_truth.json", media_type="application/json")

    @_get(
        router,
        "/v1/truth/verdicts",
        response_class=Response,
        responses={200: _text({"application/x-ndjson": "One verdict per line."})},
    )
    async def verdicts(asked: _Nothing) -> Response:
        """The outcome of each request, and why."""
        return FileResponse(folder / "verdicts.ndjson", media_type="application/x-ndjson")

    return router
