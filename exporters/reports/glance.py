"""A run at a glance while it goes on: what users see, each service, open breakers, and what happened last."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import polars as pl

from meshquake.sim.records import ERRORS_OF_SERVER, Batch

#: Seconds that a sparkline shows, those that a figure is of, and events that are told.
SHOWN, LATELY, LAST = 60, 5, 6
_BARS: Final = " ▁▂▃▄▅▆▇█"
_OPEN: Final = {"circuit_breaker_open": True, "circuit_breaker_half_open": True, "circuit_breaker_closed": False}


@dataclass(frozen=True)
class Figures:
    """Of some requests: how many a second, the share of those that failed, and p95 in milliseconds (None of none)."""

    rate: float
    errors: float
    p95: float | None


class Glance:
    """Takes batches as they come; all that it keeps is bounded.

    Parameters
    ----------
    services
        The names of all services, in the order in which they are shown.

    Attributes
    ----------
    moment
        The second up to which all is known, as records have it; empty before the first.
    entry
        What users saw, second by second.
    services
        What each service did within the last seconds.
    breakers
        Those that aren't closed, by replica of the caller and callee.
    events
        What happened last: time, service and text, the latest last.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self.moment = ""
        self.entry: deque[Figures] = deque(maxlen=SHOWN)
        self.services = dict.fromkeys(services, Figures(0.0, 0.0, None))
        self.breakers: set[tuple[str, str]] = set()
        self.events: deque[tuple[str, str, str]] = deque(maxlen=LAST)
        #: Server spans of the last seconds, by second, the earliest first.
        self._seconds: deque[tuple[str, pl.DataFrame]] = deque(maxlen=LATELY + 1)

    def take(self, batch: Batch) -> None:
        """Take a batch into account. Its last second may go on in the next one."""
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
        """The latest second is over."""
        self.moment, spans = self._seconds[-1]
        self.entry.append(_figures(spans.filter(pl.col("parent_span_id").is_null()), 1))

    def _hear(self, record: dict[str, object]) -> None:
        kind, place = str(record["type"]), str(record["replica"] or record["service"])
        self.events.append((str(record["timestamp"])[11:19], place, str(record["details"])))
        if kind in _OPEN:
            attributes = record["attributes"]
            told = json.loads(attributes) if isinstance(attributes, str) else attributes
            breaker = (place, str(told["target"]))  # type: ignore[index]  # of these events they are a mapping
            (self.breakers.add if _OPEN[kind] else self.breakers.discard)(breaker)


def sparkline(values: Sequence[float], most: float | None = None) -> str:
    """Values as a line of bars, the greatest of them (or `most`) as high as there is room."""
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
