"""The names by which the server may be called.

A web page may not read what another server answers. But its own name may come to lead to this server once the page is
open (DNS rebinding), and then the browser takes both for one. It still says by which name it asks. So whoever asks by a
name that isn't this server's gets no answer. An address can't be made to lead elsewhere, so on a server that listens on
all of its machine's, any is fine.
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
    """The names of a server.

    Parameters
    ----------
    listening
        The name or address that it listens at.
    also
        Other names of it.
    """

    def __init__(self, listening: str, also: Iterable[str] = ()) -> None:
        self._names = {name.lower().rstrip(".") for name in ("localhost", listening, *also)}
        self._addresses = {address for address in map(_address, self._names) if address is not None}
        self._any = not listening or any(address.is_unspecified for address in self._addresses)

    def __contains__(self, header: object) -> bool:
        """Whether the header `Host` of a request names the server; its port may be that of something in between."""
        found = _HOST.fullmatch(str(header))
        if found is None:
            return False
        name = (found[1] or found[2]).lower().rstrip(".")
        address = _address(name)
        if address is None:
            return name in self._names
        return self._any or address.is_loopback or address in self._addresses


class OnlyAsked:
    """Answers only who asks for the server by a name of it."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Headers(scope=scope).get("host", "") in self._hosts:
            await self._app(scope, receive, send)
            return
        error = "this server is not known by that name: use localhost or its address, or serve with --allow-host NAME"
        await JSONResponse({"error": error}, 421)(scope, receive, send)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
