"""What a run showed, in a few figures, taken from its records as they come.

Nothing here looks into the mesh: these are the figures that anyone could take from the telemetry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

from faults.scenario import Scenario
from sim.records import KINDS, Batch

#: Services are looked at in slices of so many seconds.
SLICE = 5.0
#: A service is hit in the first slice in which this share of its requests fails ...
HIT_ERRORS = 0.05
#: ... or its p95 is this many times the median p95 of the slices before the incident.
HIT_SLOWER = 3.0
#: Slices with fewer requests say nothing.
_ENOUGH = 10

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
        self.phases: list[Phase] = []
        self.hits: list[Hit] = []
        self.opened: dict[tuple[str, str], int] = {}
        self.records = dict.fromkeys(KINDS, 0)
        self._lead_in = scenario.lead_in
        self._incident = start + timedelta(seconds=scenario.lead_in)
        self._usual: dict[str, list[float]] = {}
        self._waiting: list[pl.DataFrame] = []
        #: Ends of slices, last one first: its time from the start, that time as in records, and its phase.
        self._slices: list[tuple[float, str, Phase]] = []
        begin = 0.0
        for name, length in (
            ("before", scenario.lead_in),
            ("during", scenario.duration),
            ("after", scenario.recovery),
        ):
            if not length:
                continue
            phase = Phase(name, length)
            self.phases.append(phase)
            steps = max(1, round(length / SLICE))
            for before, after in pairwise([begin + length * step / steps for step in range(steps + 1)]):
                stamp = (start + timedelta(seconds=after)).isoformat(timespec="microseconds")
                self._slices.insert(0, (before, stamp, phase))
            begin += length

    def take(self, batch: Batch) -> None:
        """Take a batch into account."""
        for kind in KINDS:
            self.records[kind] += len(batch.frame(kind))
        events = batch.events.filter(type="circuit_breaker_open")
        for caller, details in zip(events["service"], events["details"], strict=True):
            edge = (caller, _target(details))
            self.opened[edge] = self.opened.get(edge, 0) + 1
        spans = batch.traces.select("timestamp", "service", "duration_ms", "status", "kind", "parent_span_id")
        self._waiting.append(spans.filter(kind="server"))
        while len(self._slices) > 1 and len(spans) and spans["timestamp"][-1] >= self._slices[-1][1]:
            self._look()

    def finish(self) -> None:
        """Look at what is left: nothing more comes."""
        while self._slices:
            self._look()

    def _look(self) -> None:
        """Look at the next slice."""
        begin, stamp, phase = self._slices.pop()
        waiting = pl.concat(self._waiting)
        count = waiting["timestamp"].search_sorted(stamp) if self._slices else len(waiting)
        spans = waiting[:count]
        self._waiting = [waiting[count:]]
        roots = spans.filter(pl.col("parent_span_id").is_null())
        phase.requests += len(roots)
        phase.errors += int((roots["status"] == "error").sum())
        micros = np.maximum(1.0, roots["duration_ms"].to_numpy() * 1000)
        buckets = np.minimum((np.log(micros) / _RATIO).astype(np.int64), _BUCKETS - 1)
        phase.latencies += np.bincount(buckets, minlength=_BUCKETS)
        known = {hit.service for hit in self.hits}
        figures = spans.group_by("service", maintain_order=True).agg(
            pl.len().alias("count"),
            (pl.col("status") == "error").mean().alias("errors"),
            pl.col("timestamp").filter(pl.col("status") == "error").min().alias("first"),
            pl.col("duration_ms").quantile(0.95, "nearest").alias("p95"),
        )
        hits = []
        for service, requests, errors, first, p95 in figures.iter_rows():
            if requests < _ENOUGH or service in known:
                continue
            usual = self._usual.get(service)
            if phase.name == "before":
                self._usual.setdefault(service, []).append(p95)
            elif errors >= HIT_ERRORS:
                onset = (datetime.fromisoformat(first) - self._incident).total_seconds()
                hits.append(Hit(service, onset, f"{errors:.0%} errors"))
            elif usual and p95 >= HIT_SLOWER * float(np.median(usual)):
                hits.append(Hit(service, begin - self._lead_in, f"p95 {p95 / float(np.median(usual)):.1f}x"))
        self.hits += sorted(hits, key=lambda hit: (hit.onset, hit.service))


def _target(details: str) -> str:
    target: str = json.loads(details)["target"]
    return target
