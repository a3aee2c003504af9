"""The HTTP interface of a live mesh: anybody on this machine may view it, and whoever has the token may steer.

A steering request needs the token, a JSON body, and an origin that is this server's own, if it comes from a page.
Browsers name the origin of the page (`Origin`), and ask for permission (CORS preflight) before a page of another origin
may send JSON; nothing here grants it (https://fetch.spec.whatwg.org/#http-cors-protocol). No other request changes
anything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from hmac import compare_digest
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from meshquake.exporters.live.content import content
from meshquake.exporters.live.described import described
from meshquake.exporters.live.stage import Seen, Stage
from meshquake.exporters.live.steering import LARGEST, Refused, read
from meshquake.exporters.page.assembly import SHARED, Page, Part, assembled, plain
from meshquake.exporters.server.hosts import Hosts, OnlyAsked

_HERE: Final = "meshquake.exporters.live"
#: Scripts, each of which needs only those before it: the shared ones, then those of this page.
_SCRIPTS: Final = (
    *(Part(f"{name}.js", SHARED) for name in ("dom", "data", "choice", "axis", "plots", "mesh", "users", "services")),
    *(Part(f"{name}.js", SHARED) for name in ("traces", "flame", "lists", "templates")),
    *(Part(f"{name}.js", _HERE) for name in ("feed", "remote", "hands", "recent", "requests", "exercise", "live")),
)
_STYLES: Final = (Part("page.css", SHARED), Part("live.css", _HERE))
#: No response is cached, loads anything from elsewhere, or can be framed.
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: The page runs only its own scripts, and connects only to this server.
_POLICY: Final = (
    "default-src 'none'; script-src {}; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
#: Real seconds between checks for updates, and after which a quiet stream sends a keep-alive.
_LOOK, _QUIET = 0.2, 15.0


def application(stage: Stage, token: str, hosts: Hosts, stopping: Callable[[], bool]) -> FastAPI:
    """Build the application that serves a stage.

    Parameters
    ----------
    stage
        The stage to serve.
    token
        The secret that steering requests need.
    hosts
        The host names to answer to.
    stopping
        Whether the server is stopping, so that streams should end.
    """
    app = FastAPI(openapi_url=None, exception_handlers={Refused: _refused, HTTPException: _failed})
    app.add_middleware(OnlyAsked, hosts=hosts)

    @app.get("/")
    async def page() -> Response:
        made = await run_in_threadpool(_page, stage)
        return HTMLResponse(made.text, headers=_HEADERS | {"content-security-policy": _POLICY.format(made.scripts)})

    @app.get("/v1/mesh")
    async def mesh() -> Response:
        return _json(described(stage.session.simulation.topology))

    @app.get("/v1/recent")
    async def recent(service: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006 - it's read alone
        return _json(plain(await run_in_threadpool(stage.recent, service)))

    @app.get("/v1/requests")
    async def requests() -> Response:
        return _json(plain(await run_in_threadpool(stage.requests)))

    @app.get("/v1/templates")
    async def templates(service: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006 - it's read alone
        return _json(plain(await run_in_threadpool(stage.templates, service)))

    @app.get("/v1/settings")
    async def settings(service: str = "", callee: str | None = None) -> Response:
        return _json(plain(await run_in_threadpool(stage.settings, service, callee)))

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


def _page(stage: Stage) -> Page:
    return assembled("live.html.j2", content(stage.session), _SCRIPTS, _STYLES, _HERE)


def _json(content: Any, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=_HEADERS)


def _let_steer(request: Request, token: str, hosts: Hosts) -> None:
    """Check that a request may steer; raises HTTPException if not."""
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
        raise HTTPException(401, "only those with the token in the address can steer")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "must be application/json")


async def _body(request: Request) -> bytes:
    """Read the body of a request, up to the limit of its size."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413, f"a request has at most {LARGEST} bytes")
    return bytes(body)


async def _updates(stage: Stage, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield updates as server-sent events until the server stops."""
    seen, quiet = Seen(), 0.0
    while not stopping():
        told, seen = await run_in_threadpool(stage.update, seen)
        if told:
            yield b"data: %b\n\n" % json.dumps(plain(told), separators=(",", ":")).encode()
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
