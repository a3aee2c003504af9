"""Summarize a run in a few figures, taken from its records as they come.

Nothing here looks into the mesh: anyone could compute these figures from the telemetry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from meshquake.faults.scenario import Scenario
from meshquake.sim.hits import Hit, Hits
from meshquake.sim.records import ERRORS_OF_SERVER, RECORD_KINDS, TRACE, Batch
from meshquake.sim.tally import FAILED, Tally
from meshquake.sim.telemetry.timestamps import microseconds

#: Length in seconds of the slices in which services are tested.
SLICE = 5.0
#: What is needed of a server span: selected once per batch, since a slice holds only a few.
_LOOKED_AT = (
    pl.col("timestamp", "service", "duration_ms"),
    pl.col("parent_span_id").is_null().alias("of_user"),
    FAILED.alias("bad"),
    ERRORS_OF_SERVER.alias("failed"),
    (microseconds() + (pl.col("duration_ms") * 1000).cast(pl.Int64)).alias("end"),
)


@dataclass(kw_only=True)
class Phase(Tally):
    """The requests that users made in a phase of `seconds`."""

    name: str
    seconds: float


@dataclass(frozen=True)
class _Slice:
    """A slice of a phase; `end` is a timestamp as in records."""

    phase: Phase
    end: str


class Summary:
    """The figures of a run, updated batch by batch.

    Parameters
    ----------
    scenario
        The scenario; its phases are before, during and after the incident.
    start
        Wall time of the start of the recording.

    Attributes
    ----------
    phases
        The users' requests that began in each phase of non-zero length.
    opened
        How often breakers opened, by caller and callee.
    records
        Number of records by kind.
    """

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        lengths = {"before": scenario.lead_in, "during": scenario.duration, "after": scenario.recovery}
        self.phases = [Phase(name=name, seconds=seconds) for name, seconds in lengths.items() if seconds]
        self.opened: dict[tuple[str, str], int] = {}
        self.records = dict.fromkeys(RECORD_KINDS, 0)
        self._incident = start + timedelta(seconds=scenario.lead_in)
        self._slices = self._cut(start)
        self._slice = next(self._slices)
        self._hits = Hits(sum(_steps(phase) for phase in self.phases if phase.name != "before"))
        #: Server spans that are still to be looked at.
        self._spans = pl.DataFrame(schema=TRACE.frame_schema).select(_LOOKED_AT)

    @property
    def hits(self) -> list[Hit]:
        """The services hit since the incident began, in order of onset."""
        return self._hits.found

    def _cut(self, start: datetime) -> Iterator[_Slice]:
        """Cut the phases into slices of about `SLICE` seconds."""
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
        self._spans = pl.concat([self._spans, batch.traces.filter(kind="server").select(_LOOKED_AT)], rechunk=True)
        # Spans that start after the recording's end, such as retries of calls under way, belong to the last slice.
        while len(batch.traces) and batch.traces["timestamp"][-1] >= self._slice.end:
            following = next(self._slices, None)
            if following is None:
                break
            count = int(self._spans["timestamp"].search_sorted(self._slice.end))
            self._look(self._spans[:count])
            self._spans = self._spans[count:]
            self._slice = following

    def finish(self) -> None:
        """Look at the remaining spans, when no more batches come."""
        self._look(self._spans)

    def _look(self, spans: pl.DataFrame) -> None:
        """Look at the server spans of the current slice."""
        phase = self._slice.phase
        of_user = spans["of_user"].to_numpy()
        phase.count(spans["duration_ms"].to_numpy()[of_user], spans["bad"].to_numpy()[of_user])
        if phase.name == "before":
            self._hits.learn(spans)
        else:
            incident = round(self._incident.timestamp() * 1e6)
            self._hits.look(spans.with_columns(pl.Series("end", (spans["end"].to_numpy() - incident) / 1e6)))


def _steps(phase: Phase) -> int:
    """Return the number of slices that a phase is cut into."""
    return max(1, round(phase.seconds / SLICE))


def _target(attributes: str) -> str:
    target: str = json.loads(attributes)["target"]
    return target
