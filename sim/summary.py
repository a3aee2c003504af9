"""What a run showed, in a few figures, taken from its records as they come.

Nothing here looks into the mesh: these are the figures that anyone could take from the telemetry.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.faults.scenario import Scenario
from meshquake.sim.records import RECORD_KINDS, TRACE, Batch
from meshquake.sim.significance import p_value

#: Services are looked at in slices of so many seconds.
SLICE = 5.0
#: A service is hit in the first slice in which this share of its requests fails ...
HIT_ERRORS = 0.05
#: ... or its p95 is this many times that of all its requests before the incident, either if it's more than chance.
HIT_SLOWER = 3.0
#: The chance that any service is called hit in a run in which none is, at most.
_DOUBT = 0.01
#: What is looked at of a server span.
_LOOKED_AT = ("timestamp", "service", "duration_ms", "status", "parent_span_id")

# Latencies are counted in buckets, each 1% wider than the one before: memory does not grow with the run.
_RATIO = np.log(1.01)
_BUCKETS = 2600  # from a microsecond up: the last begins at 1.01^2599 us, two days


@dataclass
class Tally:
    """Some requests, counted."""

    requests: int = 0
    errors: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BUCKETS, dtype=np.int64), repr=False)

    @property
    def error_share(self) -> float | None:
        """Share of requests that failed; None if there were none."""
        return self.errors / self.requests if self.requests else None

    def count(self, requests: pl.DataFrame) -> None:
        """Count requests, given as their spans."""
        self.requests += len(requests)
        self.errors += int((requests["status"] == "error").sum())
        self.latencies += np.bincount(_bucket(requests["duration_ms"].to_numpy()), minlength=_BUCKETS)

    def latency(self, quantile: float) -> float | None:
        """A quantile of the latency in milliseconds, by nearest rank, to 1%; None if there were no requests."""
        if not self.requests:
            return None
        bucket = int(np.searchsorted(np.cumsum(self.latencies), ceil(quantile * self.requests)))
        return float(np.exp((bucket + 0.5) * _RATIO)) / 1000

    def slower(self, latency: float) -> int:
        """How many took as long as `latency` (milliseconds) or longer, to 1%."""
        return int(self.latencies[int(_bucket(np.array([latency]))[0]) :].sum())


def _bucket(latencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """The buckets of latencies in milliseconds."""
    micros = np.maximum(1.0, latencies * 1000)
    buckets: NDArray[np.int64] = np.minimum((np.log(micros) / _RATIO).astype(np.int64), _BUCKETS - 1)
    return buckets


@dataclass(kw_only=True)
class Phase(Tally):
    """The requests that users made in a stretch of time of so many seconds."""

    name: str
    seconds: float


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
        self.phases = [Phase(name=name, seconds=seconds) for name, seconds in lengths.items() if seconds]
        self.hits: list[Hit] = []
        self.opened: dict[tuple[str, str], int] = {}
        self.records = dict.fromkeys(RECORD_KINDS, 0)
        self._incident = start + timedelta(seconds=scenario.lead_in)
        self._slices = self._cut(start)
        self._slice = next(self._slices)
        #: The slices in which a service may be hit.
        self._looks = sum(_steps(phase) for phase in self.phases if phase.name != "before")
        #: The requests of each service before the incident.
        self._usual: defaultdict[str, Tally] = defaultdict(Tally)
        #: Server spans that have not been looked at.
        self._spans = pl.DataFrame(schema=TRACE.frame_schema).select(_LOOKED_AT)

    def _cut(self, start: datetime) -> Iterator[_Slice]:
        """Cut the phases into slices of about the same length; the last one never ends."""
        begin = start
        for phase in self.phases:
            steps = _steps(phase)
            for step in range(1, steps + 1):
                yield _Slice(
                    phase, (begin + timedelta(seconds=phase.seconds * step / steps)).isoformat(timespec="microseconds")
                )
            begin += timedelta(seconds=phase.seconds)

    def take(self, batch: Batch) -> None:
        """Take a batch into account."""
        for kind in RECORD_KINDS:
            self.records[kind] += len(batch.frame(kind))
        events = batch.events.filter(type="circuit_breaker_open")
        for caller, attributes in zip(events["service"], events["attributes"], strict=True):
            edge = (caller, _target(attributes))
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
        hits = []
        for (name,), own in spans.partition_by("service", as_dict=True, maintain_order=True).items():
            service = str(name)
            if phase.name == "before":
                self._usual[service].count(own)
            elif service not in known and (hit := self._hit(service, own)) is not None:
                hits.append(hit)
        self.hits += sorted(hits, key=lambda hit: (hit.onset, hit.service))

    def _hit(self, service: str, own: pl.DataFrame) -> Hit | None:
        """The service as hit in a slice with these requests of it; None if it isn't."""
        usual = self._usual[service]
        failed = own.filter(status="error")
        share = len(failed) / len(own)
        if share >= HIT_ERRORS and self._is_more(len(failed), len(own), usual.errors, usual.requests):
            return Hit(service, self._first_end(failed), f"{share:.0%} errors")
        p95 = usual.latency(0.95)
        if p95 is None:
            return None
        slow = own.filter(pl.col("duration_ms") >= HIT_SLOWER * p95)
        ratio = _p95(own) / p95
        if ratio >= HIT_SLOWER and self._is_more(len(slow), len(own), usual.slower(HIT_SLOWER * p95), usual.requests):
            return Hit(service, self._first_end(slow), f"p95 {ratio:.1f}x")
        return None

    def _is_more(self, bad: int, requests: int, usual: int, before: int) -> bool:
        """Whether `bad` of some requests are more than chance makes of it where `usual` of those `before` were.

        Every service is looked at twice in every slice, and one false alarm a run would be too many; so each look gets
        its part of the doubt that is left (Bonferroni).
        """
        looks = 2 * self._looks * max(1, len(self._usual))
        return p_value(bad, requests, usual, before) * looks <= _DOUBT

    def _first_end(self, spans: pl.DataFrame) -> float:
        """When the first of some spans ended, in seconds from the start of the incident.

        By their ends and not by their starts: a caller begins before the callee that it waits for.
        """
        ends = spans["timestamp"].str.to_datetime(time_unit="us", time_zone="UTC") + pl.Series(
            spans["duration_ms"] * 1000
        ).cast(pl.Duration("us"))
        first: datetime = ends.min()  # type: ignore[assignment]  # polars can't know that these are times
        return (first - self._incident).total_seconds()


def _steps(phase: Phase) -> int:
    """How many slices a phase is cut into."""
    return max(1, round(phase.seconds / SLICE))


def _p95(spans: pl.DataFrame) -> float:
    """The p95 of the durations of some spans, in milliseconds."""
    return float(spans["duration_ms"].quantile(0.95, "nearest") or 0.0)


def _target(attributes: str) -> str:
    target: str = json.loads(attributes)["target"]
    return target
