"""One exchange with a receiver: a request and its response, bounded in time and size.

A response is untrusted input. It may be endless, arrive a byte a minute, or be a megabyte that unpacks to a gigabyte.
So one deadline covers the whole exchange, from the DNS look-up to the last byte, and a response is decompressed while
it is read, and only up to its limit.
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

#: Seconds of silence after which an exchange is given up, even before its deadline.
_SILENCE = 30.0
#: Bytes of a response that are always read: enough for the reason of a refusal.
_EXCERPT = 4096


@dataclass(frozen=True)
class Response:
    """The response to a request, or why there was none.

    Attributes
    ----------
    status
        The status code; 0 without a response.
    said
        The status with its reason phrase, or why there was no response.
    headers
        The headers of the response.
    body
        The part of the body that was read, decompressed.
    stopped
        Why reading stopped early, as a clause; empty if the body is complete.
    lost
        Whether the connection broke or time ran out before the whole body was read.
    """

    status: int
    said: str
    headers: Mapping[str, str]
    body: bytes = b""
    stopped: str = ""
    lost: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the receiver accepted the request."""
        return 200 <= self.status < 300


class Connection:
    """Posts requests to a receiver, in a `with` block. Connections are reused, redirects aren't followed.

    Parameters
    ----------
    headers
        Headers to send with each request.

    Raises
    ------
    DeliveryError
        If a proxy that the environment names can't be used.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        # Ask only for encodings that can be decompressed piece by piece.
        headers = {"user-agent": "meshquake", "accept-encoding": "gzip", **headers}
        try:
            self._client = httpx.AsyncClient(headers=headers, timeout=_SILENCE)
        except (ValueError, httpx.InvalidURL, ImportError):  # the error's text would show the proxy's password
            variables = "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
            raise DeliveryError(f"the proxy in {variables} cannot be used") from None
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
            The address to post to.
        request
            The request.
        most
            Most bytes to read of the response to a successful request; of others, less is read.
        seconds
            Time limit of the exchange.
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
            lost = f"its answer was incomplete after {seconds:.0f} s" if response else f"no answer in {seconds:.0f} s"
        except httpx.TimeoutException:
            lost = f"it sent nothing for {_SILENCE:.0f} s"
        except httpx.HTTPError as error:
            lost = _reason(error)
        if response is None:
            return Response(0, f"cannot be reached: {lost}", {}, lost=True)
        said = f"{response.status_code} {response.reason_phrase}"
        content, stopped = bytes(body.content), body.stopped or lost
        return Response(response.status_code, said, response.headers, content, stopped, lost=bool(lost))


class _Body:
    """Reads the body of a response, up to `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.content = bytearray()
        self.stopped = ""

    async def read(self, response: httpx.Response) -> None:
        """Read a response to its end or to the limit."""
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            self.stopped = f"its answer has the encoding {encoding}, which was not requested"
            return
        unpack = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 16)
        taken = 0
        async for piece in response.aiter_raw():
            taken += len(piece)
            room = self._most + 1 - len(self.content)
            try:
                self.content += unpack.decompress(piece, room) if unpack else piece[:room]
            except zlib.error:
                self.stopped = "its answer does not match its content-encoding"
                return
            # Input that decompresses to nothing may be endless too.
            if len(self.content) > self._most or taken > self._most + _EXCERPT:
                del self.content[self._most :]
                self.stopped = f"its answer is larger than {_size(self._most)}; the rest was not read"
                return


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def _reason(error: BaseException) -> str:
    """Return the reason of an error: the operating system's, if that is the root cause."""
    first = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    if isinstance(first, OSError) and first.errno is not None and first.errno > 0:
        return f"[Errno {first.errno}] {os.strerror(first.errno)}"
    return str(error) or type(error).__name__
