"""One exchange with a receiver: a request, and what is read of its answer. Both the time and the size are bounded.

An answer comes from outside. It may be endless, come a byte a minute, or be a megabyte that unpacks to a gigabyte. So
one deadline holds for all of an exchange, from the look-up of the name to the last byte, and an answer is unpacked here
as it's read, no further than it may be long.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import httpx

from meshquake.exporters.sending.protocols import DeliveryError, Request

#: Seconds without anything after which a receiver is given up, though its time isn't over.
_SILENCE = 30.0
#: Bytes that are read of an answer in any case: enough to say why something was refused.
_EXCERPT = 4096


@dataclass(frozen=True)
class Response:
    """What came of a request.

    Attributes
    ----------
    status
        The status of the answer; 0 if there was none.
    said
        The status with its reason, or why there was none.
    headers
        Those of the answer.
    body
        As much as was read of it, unpacked.
    stopped
        Why no more of it was read, as a clause; empty if that is all.
    lost
        Whether the connection or the time was over before all was read.
    """

    status: int
    said: str
    headers: Mapping[str, str]
    body: bytes = b""
    stopped: str = ""
    lost: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the request was taken."""
        return 200 <= self.status < 300


class Connection:
    """Posts requests to a receiver, in a `with` block; connections are kept in between, redirects aren't followed.

    Parameters
    ----------
    headers
        To be sent with each request.

    Raises
    ------
    DeliveryError
        If a proxy that the environment names can't be used.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        # Only what can be unpacked piece by piece is asked for.
        headers = {"user-agent": "meshquake", "accept-encoding": "gzip", **headers}
        try:
            self._client = httpx.AsyncClient(headers=headers, timeout=_SILENCE)
        except (ValueError, httpx.InvalidURL, ImportError):  # its text would show the proxy's password
            variables = "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
            raise DeliveryError(f"the proxy that {variables} names is not one that can be used") from None
        self._runner = asyncio.Runner()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runner:
            self._runner.run(self._client.aclose())

    def post(self, url: httpx.URL, request: Request, most: int, seconds: float) -> Response:
        """Post a request.

        Parameters
        ----------
        url
            Where to.
        request
            What.
        most
            Bytes of the answer to a request that was taken that are read at most; of others it's less.
        seconds
            What the exchange may take.
        """
        return self._runner.run(self._post(url, request, most, seconds))

    async def _post(self, url: httpx.URL, request: Request, most: int, seconds: float) -> Response:
        response, body, lost = None, _Body(_EXCERPT), ""
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream("POST", url, content=request.body, headers=request.headers) as response,
            ):
                if response.is_success:
                    body = _Body(max(most, _EXCERPT))
                await body.read(response)
        except TimeoutError:
            lost = f"its answer was not over after {seconds:.0f} s" if response else f"no answer in {seconds:.0f} s"
        except httpx.TimeoutException:
            lost = f"nothing came for {_SILENCE:.0f} s"
        except httpx.HTTPError as error:
            lost = _reason(error)
        if response is None:
            return Response(0, f"cannot be reached: {lost}", {}, lost=True)
        said = f"{response.status_code} {response.reason_phrase}"
        content, stopped = bytes(body.content), body.stopped or lost
        return Response(response.status_code, said, response.headers, content, stopped, lost=bool(lost))


class _Body:
    """Reads so much of an answer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.content = bytearray()
        self.stopped = ""

    async def read(self, response: httpx.Response) -> None:
        """Read an answer, to its end or as far as it may be."""
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            self.stopped = f"its answer is packed as {encoding}, which was not asked for"
            return
        unpack = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 16)
        taken = 0
        async for piece in response.aiter_raw():
            taken += len(piece)
            room = self._most + 1 - len(self.content)
            try:
                self.content += unpack.decompress(piece, room) if unpack else piece[:room]
            except zlib.error:
                self.stopped = "its answer is not packed as it says"
                return
            # What unpacks to nothing may be endless too.
            if len(self.content) > self._most or taken > self._most + _EXCERPT:
                del self.content[self._most :]
                self.stopped = f"its answer is larger than {_size(self._most)}, and was read no further"
                return


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def _reason(error: BaseException) -> str:
    """Why, as the operating system says, or whoever was first to know."""
    first = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    if isinstance(first, OSError) and first.errno is not None and first.errno > 0:
        return f"[Errno {first.errno}] {os.strerror(first.errno)}"
    return str(error) or type(error).__name__
