"""Delivery of one request, with retries as far as the protocol and the patience allow."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime

import httpx

from meshquake.exporters.address import Address, Secrets
from meshquake.exporters.fixtures.fixture import Clock
from meshquake.exporters.sending.exchange import Connection, Response
from meshquake.exporters.sending.protocols import Answer, DeliveryError, Request, Speaker

#: Exponential backoff in seconds: the first wait, which doubles for each attempt, and the longest. No jitter is needed,
#: as there is only one sender.
_FIRST, _LONGEST = 0.5, 30.0
#: Bounds in seconds on the time-out of an attempt, which is otherwise the remaining patience.
_LEAST, _MOST = 10.0, 60.0
#: Characters quoted from a receiver's message.
_TOLD = 500


class Delivery:
    """Delivers requests to a receiver.

    Parameters
    ----------
    connection
        The connection to the receiver.
    url
        The receiver's address; the paths of requests are appended.
    secrets
        Texts to remove from messages.
    patience
        Seconds within which a request must be accepted, counted from the first attempt.
    clock
        The clock for waiting.
    """

    def __init__(self, connection: Connection, url: httpx.URL, secrets: Secrets, patience: float, clock: Clock) -> None:
        self._connection, self._url, self._secrets = connection, url, secrets
        self._patience, self._clock = patience, clock
        self._reached = False

    def deliver(self, request: Request, speaker: Speaker) -> Answer:
        """Send a request until all of its items are accepted or rejected.

        Raises
        ------
        DeliveryError
            If the receiver can't be reached, refuses the request, or doesn't accept it in time.
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
                request, why = so_far.again, "it was too busy to accept some records"
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
        """Return foreign text as one line, cut to length and without secrets."""
        return " ".join(self._secrets.cleared(text).split())[:_TOLD]

    def _address(self, request: Request) -> httpx.URL:
        return self._url.copy_with(path=self._url.path.rstrip("/") + request.path) if request.path else self._url

    def _error(self, request: Request, why: str) -> DeliveryError:
        return DeliveryError(f"{Address(str(self._address(request))).shown}: {self._line(why)}")


def _told(response: Response) -> str:
    """Describe why a request wasn't accepted."""
    if response.is_success:
        return f"{response.said}: {response.stopped}"
    # Only the beginning of a refusal is quoted, so it doesn't matter whether there was more.
    excerpt = response.body.decode(errors="replace")
    return f"{response.said}: {excerpt}" if excerpt.strip() else response.said


def _retry_after(response: Response, usual: float) -> float:
    """Return the seconds to wait according to `Retry-After`: a number, or a date relative to the response's own."""
    said = response.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return usual
    return max(0.0, wait.total_seconds())
