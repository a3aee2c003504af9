"""A running simulation at a glance: what users see, each service, open breakers, and the latest events."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import polars as pl

from meshquake.sim.records import ERRORS_OF_SERVER, Batch

#: Seconds in a sparkline, seconds that a service's figures cover, and events shown.
SHOWN, LATELY, LAST = 60, 5, 6
_BARS: Final = " ▁▂▃▄▅▆▇█"
_OPEN: Final = {"circuit_breaker_open": True, "circuit_breaker_half_open": True, "circuit_breaker_closed": False}


@dataclass(frozen=True)
class Figures:
    """Requests a second, the share that failed, and p95 latency in milliseconds (None without requests)."""

    rate: float
    errors: float
    p95: float | None


class Glance:
    """Summarises batches of records as they come, in bounded memory.

    Parameters
    ----------
    services
        The names of all services, in display order.

    Attributes
    ----------
    moment
        The second up to which everything is known, formatted as in records; empty before the first.
    entry
        Figures of users' requests, one for each second.
    services
        Figures of each service over the last seconds.
    breakers
        Breakers that aren't closed, as pairs of the caller's replica and the callee.
    events
        The latest events as time, service and text, oldest first.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self.moment = ""
        self.entry: deque[Figures] = deque(maxlen=SHOWN)
        self.services = dict.fromkeys(services, Figures(0.0, 0.0, None))
        self.breakers: set[tuple[str, str]] = set()
        self.events: deque[tuple[str, str, str]] = deque(maxlen=LAST)
        #: Server spans of the last seconds, oldest second first.
        self._seconds: deque[tuple[str, pl.DataFrame]] = deque(maxlen=LATELY + 1)

    def take(self, batch: Batch) -> None:
        """Add a batch. Its last second may continue in the next one."""
        for record in batch.records("events"):
            self._hear(record)
        spans = batch.traces.filter(kind="server").select(
            "service", "duration_ms", "status", "status_code", "parent_span_id", second=pl.col("timestamp").str.head(19)
        )
        for (second,), own in spans.partition_by("second", as_dict=True, maintain_order=True).items():
            if self._seconds and self._seconds[-1][0] == second:
                self._seconds[-1] = (second, pl.concat([self._seconds[-1][1], own]))
                continue
            if self._seconds:
                self._close()
            self._seconds.append((str(second), own))
        if self._seconds:
            known = pl.concat([own for _, own in self._seconds])
            for name in self.services:
                self.services[name] = _figures(known.filter(service=name), len(self._seconds))

    def _close(self) -> None:
        """Close the latest second: nothing can be added to it any more."""
        self.moment, spans = self._seconds[-1]
        self.entry.append(_figures(spans.filter(pl.col("parent_span_id").is_null()), 1))

    def _hear(self, record: dict[str, object]) -> None:
        kind, place = str(record["type"]), str(record["replica"] or record["service"])
        self.events.append((str(record["timestamp"])[11:19], place, str(record["details"])))
        if kind in _OPEN:
            attributes = record["attributes"]
            told = json.loads(attributes) if isinstance(attributes, str) else attributes
            breaker = (place, str(told["target"]))  # type: ignore[index]  # events of breakers have a mapping
            (self.breakers.add if _OPEN[kind] else self.breakers.discard)(breaker)


def sparkline(values: Sequence[float], most: float | None = None) -> str:
    """Draw values as a line of bars, scaled to `most`, or to the greatest value if that is None."""
    top = max([*values, 0.0]) if most is None else most
    return "".join(
        _BARS[min(len(_BARS) - 1, ceil(value / top * (len(_BARS) - 1)))] if top else _BARS[0] for value in values
    )


def _figures(spans: pl.DataFrame, seconds: int) -> Figures:
    count = len(spans)
    if not count:
        return Figures(0.0, 0.0, None)
    p95 = spans["duration_ms"].sort()[ceil(0.95 * count) - 1]
    return Figures(count / seconds, len(spans.filter(ERRORS_OF_SERVER)) / count, float(p95))
