"""Send a fixture slice by slice, each when it's due, and resume where an earlier call stopped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from urllib.parse import unquote

import httpx

from meshquake.exporters.address import Address, Secrets
from meshquake.exporters.fixtures import manifest, reading
from meshquake.exporters.fixtures.fixture import Clock
from meshquake.exporters.fixtures.violations import YEARS
from meshquake.exporters.formats.context import Context
from meshquake.exporters.sending.delivery import Delivery
from meshquake.exporters.sending.exchange import Connection
from meshquake.exporters.sending.progress import Progress, ProgressError
from meshquake.exporters.sending.protocols import DeliveryError, Push
from meshquake.exporters.sending.slices import shifted, slices

#: Seconds of the recording in a slice: when sending is paced, and when it isn't.
_PACED, _FAST = 1.0, 10.0


@dataclass(frozen=True)
class Order:
    """What to send, and how.

    Attributes
    ----------
    folder, context
        The fixture, and its `exporters.fixtures.reading.context`.
    to
        The receiver's address; without a path, the protocol's default path is used.
    push
        The protocol.
    speed
        Recorded seconds per real second; infinite for as fast as the receiver accepts them.
    now
        The current time, to shift timestamps to; None to keep them.
    headers
        Headers to send with each request.
    patience
        Seconds within which a request must be accepted, retries included.
    state
        A file to keep the progress in; None for none.
    """

    folder: Path
    context: Context
    to: str
    push: Push
    speed: float
    now: datetime | None
    headers: Mapping[str, str]
    patience: float
    state: Path | None


def send(order: Order, clock: Clock) -> Iterator[Progress]:
    """Send a fixture. Items rejected from an accepted request are counted, and aren't sent again.

    Parameters
    ----------
    order
        What to send, and how.
    clock
        The clock for pacing.

    Yields
    ------
    Progress
        The progress after each answered request, and once more at the end.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError
        If the folder isn't a complete fixture.
    exporters.sending.progress.ProgressError
        If the state file is invalid or belongs to another upload.
    exporters.extras.MissingExtraError
        If the protocol needs a library that isn't installed.
    exporters.sending.protocols.DeliveryError
        If the address is invalid, or the receiver can't be reached or refuses.
    OSError
        If the state file can't be read or written.
    """
    url, context = _url(order), order.context
    to = Address(str(url))
    files = manifest.load(order.folder)["files"]
    fixture = manifest.fingerprint({name: each["sha256"] for name, each in files.items()})
    progress = Progress(
        fixture,
        to=to.shown,
        protocol=order.push.name,
        slice_s=_FAST if order.speed == inf else _PACED,
        shift_us=_shift(order) // timedelta(microseconds=1),
    )
    if order.state is not None:
        progress = progress.load(order.state)
    if progress.done:
        yield progress
        return
    later = timedelta(microseconds=progress.shift_us)
    speaker = order.push.speaker(replace(context, start=_moved(order, later)), fixture[:12])
    number, pace = 0, Pace(clock, order.speed)
    with Connection(order.headers) as connection:
        delivery = Delivery(connection, url, _secrets(to, order.headers), order.patience, clock)
        for batch in slices(reading.batches(order.folder, services=context.services), context.start, progress.slice_s):
            for request in speaker.requests(shifted(batch, later)):
                number += 1
                if number <= progress.requests:
                    continue
                pace.wait(batch.clock)
                progress = progress.after(delivery.deliver(request, speaker), batch.clock)
                progress.keep(order.state)
                yield progress
    progress = replace(progress, done=True)
    progress.keep(order.state)
    yield progress


class Pace:
    """Waits for moments of a recording, `speed` times as fast as they were recorded. The first one is now."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock, self._speed = clock, speed
        self._began: float | None = None

    def wait(self, second: float) -> None:
        """Wait until a second of the recording is due."""
        due = second / self._speed
        if self._began is None:
            self._began = self._clock.monotonic() - due
        while (wait := self._began + due - self._clock.monotonic()) > 0:
            self._clock.sleep(wait)


def _shift(order: Order) -> timedelta:
    """Return the shift of timestamps with which the recording ends when sending does, with none in the future."""
    if order.now is None:
        return timedelta()
    length = order.context.length
    return order.now - order.context.start - timedelta(seconds=max(0.0, length - length / order.speed))


def _moved(order: Order, later: timedelta) -> datetime:
    """Return the shifted start of the recording; ProgressError if the state file moves it out of the calendar."""
    with suppress(OverflowError):
        start = order.context.start + later
        if YEARS[0] <= start.year <= YEARS[1]:
            return start
    raise ProgressError(f"{order.state}: shift_us moves the recording out of the years {YEARS[0]} to {YEARS[1]}")


def _url(order: Order) -> httpx.URL:
    if not Address(order.to).is_plain:
        raise DeliveryError("not an address: an @ after the host, or a / ? # or @ before it, must be percent-encoded")
    try:
        url = httpx.URL(order.to)
    except httpx.InvalidURL as error:
        what, _, _ = str(error).partition(":")  # the rest quotes the address, and maybe a password
        raise DeliveryError(f"not an address: {what}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise DeliveryError("an address begins with http:// or https:// and the name of a host")
    return url if url.path not in ("", "/") else url.copy_with(path=order.push.path or "/")


def _secrets(to: Address, headers: Mapping[str, str]) -> Secrets:
    """Collect secrets that a receiver may quote: user, password and their header, and the values of other headers."""
    name, _, password = map(unquote, to.user.partition(":"))
    basic = b64encode(f"{name}:{password}".encode()).decode() if to.user else ""
    given = [part for value in headers.values() for part in (value, value.rpartition(" ")[2])]  # and after `Bearer`
    return Secrets([*to.values, name, basic, *given])
