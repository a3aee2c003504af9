"""One request: sent, and sent again as long as the protocol allows and patience lasts."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx

from meshquake.exporters.fixtures.fixture import Clock
from meshquake.exporters.sending.protocols import Answer, DeliveryError, Request, Speaker

#: Seconds to wait before the second attempt, twice as long before each later one, and at most. One sender needs no
#: jitter: nobody else waits in step with it.
_FIRST, _LONGEST = 0.5, 30.0
#: Seconds that an answer may take.
_TIMEOUT = 30.0


class Delivery:
    """Posts requests to a receiver, in a `with` block.

    Parameters
    ----------
    url
        Its address; paths of requests are behind it.
    headers
        To be sent with each request.
    patience
        Seconds to wait for one request to be taken, waits between attempts added up.
    clock
        What waits.
    """

    def __init__(self, url: httpx.URL, headers: Mapping[str, str], patience: float, clock: Clock) -> None:
        self._url, self._patience, self._clock = url, patience, clock
        self._client = httpx.Client(headers={"user-agent": "meshquake", **headers}, timeout=_TIMEOUT)
        self._reached = False

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def deliver(self, request: Request, speaker: Speaker) -> Answer:
        """Send a request until all of it is answered for.

        Raises
        ------
        DeliveryError
            If the receiver isn't there, refuses it, or doesn't take it in time.
        """
        so_far = Answer(0)
        waited, pause = 0.0, _FIRST
        while True:
            response, why = self._post(request)
            if response is not None and response.is_success:
                so_far += self._understood(speaker, request, response)
                if so_far.again is None:
                    return so_far
                request, why = so_far.again, "it was too busy to take some records"
            elif response is not None and response.status_code not in speaker.retried:
                raise DeliveryError(f"{self._shown(request)}: refused: {why}")
            wait = pause if response is None else _retry_after(response, pause)
            if not self._reached or waited + wait > self._patience:
                raise DeliveryError(f"{self._shown(request)}: {why}")
            self._clock.sleep(wait)
            waited, pause = waited + wait, min(pause * 2, _LONGEST)

    def _post(self, request: Request) -> tuple[httpx.Response | None, str]:
        """The response, or None; and why it isn't a success."""
        try:
            response = self._client.post(self._address(request), content=request.body, headers=request.headers)
        except httpx.HTTPError as error:
            return None, f"cannot be reached: {error or type(error).__name__}"
        self._reached = True
        text = " ".join(response.text[:500].split())
        return response, f"{response.status_code} {response.reason_phrase}{f': {text}' if text else ''}"

    def _understood(self, speaker: Speaker, request: Request, response: httpx.Response) -> Answer:
        try:
            return speaker.answer(request, response.content)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DeliveryError(f"{self._shown(request)}: its answer does not follow this protocol") from None

    def _address(self, request: Request) -> httpx.URL:
        return self._url.copy_with(path=self._url.path.rstrip("/") + request.path) if request.path else self._url

    def _shown(self, request: Request) -> str:
        """The address without a password."""
        return str(self._address(request).copy_with(username="", password=""))


def _retry_after(response: httpx.Response, usual: float) -> float:
    """Seconds to wait as the response says, either as a number or as a date, which is compared with its own."""
    said = response.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return usual
    return max(0.0, wait.total_seconds())
