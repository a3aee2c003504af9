"""The host names that the server answers to, as a defence against DNS rebinding.

A web page may not read responses from another server. But the DNS name of the page may be changed to resolve to this
server once the page is open, and then the browser takes both for one. The browser still sends that name as `Host`, so
requests for a name that isn't this server's are refused. An IP address can't be rebound, so a server that listens on
all addresses of its machine accepts any address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:\[\]]+))(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


class Hosts:
    """The host names of a server.

    Parameters
    ----------
    listening
        The name or address that the server listens at.
    also
        Further names of the server.
    """

    def __init__(self, listening: str, also: Iterable[str] = ()) -> None:
        self._names = {name.lower().rstrip(".") for name in ("localhost", listening, *also)}
        self._addresses = {address for address in map(_address, self._names) if address is not None}
        self._any = not listening or any(address.is_unspecified for address in self._addresses)

    def __contains__(self, header: object) -> bool:
        """Whether a `Host` header names the server; its port is ignored, as it may be that of a proxy."""
        found = _HOST.fullmatch(str(header))
        if found is None:
            return False
        name = (found[1] or found[2]).lower().rstrip(".")
        address = _address(name)
        if address is None:
            return name in self._names
        return self._any or address.is_loopback or address in self._addresses


class OnlyAsked:
    """ASGI middleware that refuses requests with a foreign `Host`."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Headers(scope=scope).get("host", "") in self._hosts:
            await self._app(scope, receive, send)
            return
        error = "this server does not answer to that name: use localhost or its address, or --allow-host NAME"
        await JSONResponse({"error": error}, 421)(scope, receive, send)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
