"""What is asked for over HTTP, and what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from meshquake.exporters.fixtures.timeline import BLOCK, NEVER, RECORD_NAMES, stamp
from meshquake.exporters.server import openapi, query, streams
from meshquake.exporters.server.page import MEDIA_TYPE, Page
from meshquake.exporters.server.playback import Recording, SimulatedClock
from meshquake.exporters.server.query import QueryError
from meshquake.exporters.server.streams import Streams

#: Bytes of records looked through for one page at most, so that a rare service can't keep the server busy.
_LOOKED = 32 * 2**20


def application(
    recording: Recording, clock: SimulatedClock, page: Page, truth: Path | None, stopping: Callable[[], bool]
) -> Starlette:
    """The application that serves a recording.

    Parameters
    ----------
    recording, clock
        What is played, and how far it is.
    page
        Its metrics.
    truth
        The folder of the answer key, if it shall be served.
    stopping
        Whether the server is about to end, and streams should.
    """
    site = _Site(recording, clock, page, stopping)
    routes = [
        Route("/healthz", site.health),
        Route("/metrics", site.metrics),
        Route("/openapi.json", site.openapi),
        Route("/v1/records", site.records),
        Route("/v1/stream/{signal}", site.stream),
    ]
    if truth is not None:
        routes += [
            _file("/v1/truth", truth / "ground_truth.json"),
            _file("/v1/truth/verdicts", truth / "verdicts.ndjson"),
        ]
    return Starlette(routes=routes, exception_handlers={QueryError: _refused, HTTPException: _refused})


class _Site:
    def __init__(self, recording: Recording, clock: SimulatedClock, page: Page, stopping: Callable[[], bool]) -> None:
        self._recording, self._clock, self._page = recording, clock, page
        self._streams = Streams(recording, clock, stopping)
        self._paging = asyncio.Lock()

    async def health(self, request: Request) -> Response:
        query.parameters(request, ())
        return JSONResponse(
            {
                "status": "ok",
                "scenario": self._recording.fixture.scenario,
                "start": stamp(self._recording.fixture.start).decode(),
                "now": stamp(self._clock.moment).decode(),
                "readers": self._streams.readers,
            }
        )

    async def metrics(self, request: Request) -> Response:
        query.parameters(request, ())
        async with self._paging:
            text = await run_in_threadpool(self._page.text, stamp(self._clock.moment))
        return Response(text, media_type=MEDIA_TYPE)

    async def openapi(self, request: Request) -> Response:
        query.parameters(request, ())
        return JSONResponse(openapi.document())

    async def stream(self, request: Request) -> Response:
        found = query.parameters(request, ("from", "cursor", "service", "trace_id"))
        signal = request.path_params["signal"]
        if signal not in (*RECORD_NAMES, "all"):
            raise HTTPException(404)
        kinds = RECORD_NAMES if signal == "all" else (signal,)
        events = "text/event-stream" in request.headers.get("accept", "")
        if events and "last-event-id" in request.headers:
            # A browser that was cut off goes on where it was, whatever the address says.
            found = {key: value for key, value in found.items() if key != "from"}
            found["cursor"] = request.headers["last-event-id"]
        position = query.position(found, self._recording, self._clock)
        if events and self._recording.over(kinds, position):
            return Response(status_code=204)  # else a browser would come back for ever
        media_type = "text/event-stream" if events else "application/x-ndjson"
        if request.method == "HEAD":
            return Response(media_type=media_type)
        encode = streams.event if events else streams.mixed if signal == "all" else streams.plain
        chunks = self._streams.stream(kinds, position, query.only(found), encode, b":\n\n" if events else b"")
        return StreamingResponse(chunks, media_type=media_type, headers={"cache-control": "no-store"})

    async def records(self, request: Request) -> Response:
        found = query.parameters(request, ("from", "to", "signal", "service", "trace_id", "limit", "cursor"))
        kinds, wanted, limit = query.kinds(found), query.only(found), query.limit(found)
        until = query.moment(found, "to", self._recording, self._clock)
        position = query.position(found, self._recording, self._clock)
        now, end = stamp(self._clock.moment), NEVER if until is None else stamp(until)
        records: list[bytes] = []
        looked = pause = 0
        over = False
        for line, after in self._recording.read(kinds, position):
            over = line.moment >= end
            if over or line.moment > now or len(records) == limit or looked > _LOOKED:
                break
            position = after
            looked += len(line.text)
            if wanted(line.text):
                records.append(streams.named(line, after))
            if looked > pause:
                pause = looked + BLOCK
                await asyncio.sleep(0)
        over = over or self._recording.over(kinds, position)
        body = b'{"records":[%b],"next":%b}' % (b",".join(records), b"null" if over else f'"{position}"'.encode())
        return Response(body, media_type="application/json")


def _file(path: str, file: Path) -> Route:
    media_type = "application/json" if file.suffix == ".json" else "application/x-ndjson"

    async def send(request: Request) -> Response:
        query.parameters(request, ())
        return FileResponse(file, media_type=media_type)

    return Route(path, send)


async def _refused(request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (400, None)
    message = error.detail if isinstance(error, HTTPException) else str(error)
    if status == 404:
        message = "nothing is here; /openapi.json says what there is"
    content: dict[str, Any] = {"error": message}
    return JSONResponse(content, status, headers)
