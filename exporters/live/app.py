"""What is asked of a mesh that is played, over HTTP: anybody on this machine may look on, one with the token steers.

A request that steers must come with the token, with JSON, and from no page but this server's own: a browser says from
which page it asks (`Origin`), and asks beforehand if a page of another origin sends JSON, which nobody here allows
(https://fetch.spec.whatwg.org/#http-cors-protocol). Whatever else it is, it changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from meshquake.exporters.live.described import described
from meshquake.exporters.live.stage import Seen, Stage
from meshquake.exporters.live.steering import LARGEST, Refused, read
from meshquake.exporters.server.hosts import Hosts, OnlyAsked

_FILES: Final = Path(__file__).parent / "page"
_TYPES: Final = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css"}
#: The page loads nothing from elsewhere, runs no script but its own, and is shown in no other page.
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: Real seconds between two looks for what is new, and after which a stream says that it's still there.
_LOOK, _QUIET = 0.2, 15.0


def application(stage: Stage, token: str, hosts: Hosts, stopping: Callable[[], bool]) -> FastAPI:
    """The application that shows a stage.

    Parameters
    ----------
    stage
        What is played.
    token
        What those who steer must know.
    hosts
        The names by which the server may be called.
    stopping
        Whether the server is about to end, and streams should.
    """
    app = FastAPI(openapi_url=None, exception_handlers={Refused: _refused, HTTPException: _failed})
    app.add_middleware(OnlyAsked, hosts=hosts)

    @app.get("/")
    async def page() -> Response:
        return _file("index.html")

    @app.get("/{name}.{ending}")
    async def file(name: str, ending: str) -> Response:
        return _file(f"{name}.{ending}")

    @app.get("/v1/mesh")
    async def mesh() -> Response:
        return _json(described(stage.session.simulation.topology))

    @app.get("/v1/recent")
    async def recent() -> Response:
        return _json(await run_in_threadpool(stage.recent))

    @app.get("/v1/scenario")
    async def scenario() -> Response:
        text = await run_in_threadpool(stage.scenario)
        return PlainTextResponse(text, headers=_HEADERS | {"content-disposition": 'attachment; filename="live.yaml"'})

    @app.get("/v1/stream")
    async def stream() -> Response:
        return StreamingResponse(_updates(stage, stopping), media_type="text/event-stream", headers=_HEADERS)

    @app.post("/v1/steer")
    async def steer(request: Request) -> Response:
        _let_steer(request, token, hosts)
        asked = read(await _body(request))
        return _json(await run_in_threadpool(stage.steer, asked))

    return app


def _file(name: str) -> Response:
    known = {path.name: path for path in _FILES.iterdir() if path.suffix in _TYPES}
    if name not in known:
        raise HTTPException(404)
    return Response(known[name].read_bytes(), media_type=_TYPES[known[name].suffix], headers=_HEADERS)


def _json(content: Any, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=_HEADERS)


def _let_steer(request: Request, token: str, hosts: Hosts) -> None:
    """HTTPException unless a request may steer."""
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None:
        asked_from = urlsplit(origin)
        own = (asked_from.scheme, asked_from.netloc) == ("http", headers["host"]) and asked_from.netloc in hosts
        if not own:
            raise HTTPException(403, "a page of another origin cannot steer")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "a page of another origin cannot steer")
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not compare_digest(given.encode(), token.encode()):
        raise HTTPException(401, "only who has the token of the address can steer")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "must be application/json")


async def _body(request: Request) -> bytes:
    """The body of a request, as far as it's of a size that one can be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413, f"a request has at most {LARGEST} bytes")
    return bytes(body)


async def _updates(stage: Stage, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """What is new, time and again, as server-sent events."""
    seen, quiet = Seen(), 0.0
    while not stopping():
        told, seen = await run_in_threadpool(stage.update, seen)
        if told:
            yield b"data: %b\n\n" % json.dumps(told, separators=(",", ":")).encode()
            quiet = 0.0
        elif quiet >= _QUIET:
            yield b":\n\n"
            quiet = 0.0
        quiet += _LOOK
        await asyncio.sleep(_LOOK)


async def _refused(request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code)
