"""One request: sent, and sent again as long as the protocol allows and patience lasts."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime

import httpx

from meshquake.exporters.address import Address, Secrets
from meshquake.exporters.fixtures.fixture import Clock
from meshquake.exporters.sending.exchange import Connection, Response
from meshquake.exporters.sending.protocols import Answer, DeliveryError, Request, Speaker

#: Seconds to wait before the second attempt, twice as long before each later one, and at most. One sender needs no
#: jitter: nobody else waits in step with it.
_FIRST, _LONGEST = 0.5, 30.0
#: Seconds that an attempt may take: as long as patience lasts, within these.
_LEAST, _MOST = 10.0, 60.0
#: Characters that are told of what a receiver says.
_TOLD = 500


class Delivery:
    """Delivers requests to a receiver.

    Parameters
    ----------
    connection
        To the receiver.
    url
        Its address; paths of requests are behind it.
    secrets
        What no message shows.
    patience
        Seconds in which a request has to be taken, counted from the first attempt.
    clock
        What waits.
    """

    def __init__(self, connection: Connection, url: httpx.URL, secrets: Secrets, patience: float, clock: Clock) -> None:
        self._connection, self._url, self._secrets = connection, url, secrets
        self._patience, self._clock = patience, clock
        self._reached = False

    def deliver(self, request: Request, speaker: Speaker) -> Answer:
        """Send a request until all of it is answered for.

        Raises
        ------
        DeliveryError
            If the receiver isn't there, refuses it, or doesn't take it in time.
        """
        so_far = Answer(0)
        began, pause = self._clock.monotonic(), _FIRST
        while True:
            left = self._patience - (self._clock.monotonic() - began)
            attempt = min(max(left, _LEAST), _MOST)
            response = self._connection.post(self._address(request), request, speaker.longest, attempt)
            self._reached = self._reached or bool(response.status)
            why = _told(response)
            if response.is_success and not (response.lost and speaker.longest):
                so_far += self._understood(speaker, request, response)
                if so_far.again is None:
                    return so_far
                request, why = so_far.again, "it was too busy to take some records"
            elif response.status and not response.is_success and response.status not in speaker.retried:
                raise self._error(request, f"refused: {why}")
            wait = _retry_after(response, pause)
            if not self._reached or self._clock.monotonic() - began + wait > self._patience:
                raise self._error(request, why)
            self._clock.sleep(wait)
            pause = min(pause * 2, _LONGEST)

    def _understood(self, speaker: Speaker, request: Request, response: Response) -> Answer:
        if response.stopped and speaker.longest:
            raise self._error(request, f"{response.said}: {response.stopped}")
        try:
            answer = speaker.answer(request, response.body)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._error(request, "its answer does not follow this protocol") from None
        return replace(answer, why=self._line(answer.why))

    def _line(self, text: str) -> str:
        """A text of somebody else as a line: of some length, and without secrets."""
        return " ".join(self._secrets.cleared(text).split())[:_TOLD]

    def _address(self, request: Request) -> httpx.URL:
        return self._url.copy_with(path=self._url.path.rstrip("/") + request.path) if request.path else self._url

    def _error(self, request: Request, why: str) -> DeliveryError:
        return DeliveryError(f"{Address(str(self._address(request))).shown}: {self._line(why)}")


def _told(response: Response) -> str:
    """What became of a request that wasn't taken."""
    if response.is_success:
        return f"{response.said}: {response.stopped}"
    # Only the beginning of a refusal is told, so it doesn't matter whether there was more.
    excerpt = response.body.decode(errors="replace")
    return f"{response.said}: {excerpt}" if excerpt.strip() else response.said


def _retry_after(response: Response, usual: float) -> float:
    """Seconds to wait as the response says, either as a number or as a date, which is compared with its own."""
    said = response.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return usual
    return max(0.0, wait.total_seconds())
