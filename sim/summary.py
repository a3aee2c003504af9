"""What a run showed, in a few figures, taken from its records as they come.

Nothing here looks into the mesh: these are the figures that anyone could take from the telemetry.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, inf

import numpy as np
import polars as pl
from numpy.typing import NDArray

from faults.scenario import Scenario
from sim.records import KINDS, TRACE, Batch

#: Services are looked at in slices of so many seconds.
SLICE = 5.0
#: A service is hit in the first slice in which this share of its requests fails ...
HIT_ERRORS = 0.05
#: ... or its p95 is this many times the median p95 of the slices before the incident.
HIT_SLOWER = 3.0
#: Slices with fewer requests say nothing.
_ENOUGH = 10
#: Slices before the incident that are remembered, the last ones: ten minutes.
_REMEMBERED = 120
#: What is looked at of a server span.
_LOOKED_AT = ("timestamp", "service", "duration_ms", "status", "parent_span_id")

# Latencies are counted in buckets, each 1% wider than the one before: memory does not grow with the run.
_RATIO = np.log(1.01)
_BUCKETS = 2600  # from a microsecond up: the last begins at 1.01^2599 us, two days


@dataclass
class Phase:
    """The requests that users made in a stretch of time."""

    name: str
    seconds: float
    requests: int = 0
    errors: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BUCKETS, dtype=np.int64), repr=False)

    @property
    def error_share(self) -> float | None:
        """Share of requests that failed; None if there were none."""
        return self.errors / self.requests if self.requests else None

    def count(self, requests: pl.DataFrame) -> None:
        """Count requests: spans that no other span caused."""
        self.requests += len(requests)
        self.errors += int((requests["status"] == "error").sum())
        micros = np.maximum(1.0, requests["duration_ms"].to_numpy() * 1000)
        buckets = np.minimum((np.log(micros) / _RATIO).astype(np.int64), _BUCKETS - 1)
        self.latencies += np.bincount(buckets, minlength=_BUCKETS)

    def latency(self, quantile: float) -> float | None:
        """A quantile of the latency in milliseconds, by nearest rank, to 1%; None if there were no requests."""
        if not self.requests:
            return None
        bucket = int(np.searchsorted(np.cumsum(self.latencies), ceil(quantile * self.requests)))
        return float(np.exp((bucket + 0.5) * _RATIO)) / 1000


@dataclass(frozen=True)
class Hit:
    """A service that was hit: when (seconds from the start of the incident), and how one could tell."""

    service: str
    onset: float
    sign: str


@dataclass(frozen=True)
class _Slice:
    """A stretch of a phase; `end` is written as in records."""

    phase: Phase
    end: str


class Summary:
    """Takes batches and keeps figures.

    Parameters
    ----------
    scenario
        What is played; its phases are before, during and after the incident.
    start
        Wall time of the start of the recording.

    Attributes
    ----------
    phases
        The requests of users that began in each phase that has a length.
    hits
        Services hit since the incident began, in order of onset.
    opened
        How often breakers opened, by caller and callee.
    records
        Records by kind.
    """

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        lengths = {"before": scenario.lead_in, "during": scenario.duration, "after": scenario.recovery}
        self.phases = [Phase(name, seconds) for name, seconds in lengths.items() if seconds]
        self.hits: list[Hit] = []
        self.opened: dict[tuple[str, str], int] = {}
        self.records = dict.fromkeys(KINDS, 0)
        self._incident = start + timedelta(seconds=scenario.lead_in)
        self._slices = self._cut(start)
        self._slice = next(self._slices)
        #: The p95 of each service in the last slices before the incident.
        self._usual: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        #: Server spans that have not been looked at.
        self._spans = pl.DataFrame(schema=TRACE.frame_schema).select(_LOOKED_AT)

    def _cut(self, start: datetime) -> Iterator[_Slice]:
        """Cut the phases into slices of about the same length; the last one never ends."""
        begin = start
        for phase in self.phases:
            steps = max(1, round(phase.seconds / SLICE))
            for step in range(1, steps + 1):
                yield _Slice(
                    phase, (begin + timedelta(seconds=phase.seconds * step / steps)).isoformat(timespec="microseconds")
                )
            begin += timedelta(seconds=phase.seconds)

    def take(self, batch: Batch) -> None:
        """Take a batch into account."""
        for kind in KINDS:
            self.records[kind] += len(batch.frame(kind))
        events = batch.events.filter(type="circuit_breaker_open")
        for caller, details in zip(events["service"], events["details"], strict=True):
            edge = (caller, _target(details))
            self.opened[edge] = self.opened.get(edge, 0) + 1
        self._spans = pl.concat([self._spans, batch.traces.filter(kind="server").select(_LOOKED_AT)])
        # What starts after the recording's end (retries of what is under way then) belongs to the last slice.
        while len(batch.traces) and batch.traces["timestamp"][-1] >= self._slice.end:
            following = next(self._slices, None)
            if following is None:
                break
            count = int(self._spans["timestamp"].search_sorted(self._slice.end))
            self._look(self._spans[:count])
            self._spans = self._spans[count:]
            self._slice = following

    def finish(self) -> None:
        """Look at what is left: nothing more comes."""
        self._look(self._spans)

    def _look(self, spans: pl.DataFrame) -> None:
        """Look at the server spans of the current slice."""
        phase = self._slice.phase
        phase.count(spans.filter(pl.col("parent_span_id").is_null()))
        known = {hit.service for hit in self.hits}
        figures = spans.group_by("service", maintain_order=True).agg(
            pl.len(),
            (pl.col("status") == "error").mean().alias("errors"),
            pl.col("duration_ms").quantile(0.95, "nearest").alias("p95"),
        )
        hits = []
        for service, count, errors, p95 in figures.iter_rows():
            if count < _ENOUGH or service in known:
                continue
            usual = float(np.median(self._usual[service])) if service in self._usual else inf
            own = pl.col("service") == service
            if phase.name == "before":
                self._usual[service].append(p95)
            elif errors >= HIT_ERRORS:
                first = self._first_end(spans.filter(own, status="error"))
                hits.append(Hit(service, first, f"{errors:.0%} errors"))
            elif p95 >= HIT_SLOWER * usual:
                first = self._first_end(spans.filter(own, pl.col("duration_ms") >= HIT_SLOWER * usual))
                hits.append(Hit(service, first, f"p95 {p95 / usual:.1f}x"))
        self.hits += sorted(hits, key=lambda hit: (hit.onset, hit.service))

    def _first_end(self, spans: pl.DataFrame) -> float:
        """When the first of some spans ended, in seconds from the start of the incident.

        By their ends and not by their starts: a caller begins before the callee that it waits for.
        """
        ends = spans["timestamp"].str.to_datetime(time_unit="us", time_zone="UTC") + pl.Series(
            spans["duration_ms"] * 1000
        ).cast(pl.Duration("us"))
        first: datetime = ends.min()  # type: ignore[assignment]  # polars can't know that these are times
        return (first - self._incident).total_seconds()


def _target(details: str) -> str:
    target: str = json.loads(details)["target"]
    return target
