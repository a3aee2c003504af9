"""Pass on what is recorded of a mesh's telemetry, in order of time, and count what became of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

import polars as pl

from meshquake.faults.observability import Observability
from meshquake.sim.observability.clocks import Clocks
from meshquake.sim.observability.sampling import Tail, in_head
from meshquake.sim.observability.scraping import Scraping
from meshquake.sim.observability.shipping import DIED, LATE, TWICE, Shipping
from meshquake.sim.observability.window import AT, Window, batch_of
from meshquake.sim.records import RECORD_KINDS, Batch
from meshquake.sim.telemetry.timestamps import length, microseconds
from meshquake.topology.placement import Placement
from meshquake.topology.spec import Topology

SAMPLED, EARLY = "sampled out", "before the recording"
#: Spans that last longer than this (seconds) count as exported even if their process is killed. This bounds how long
#: a record's fate can be open, and so how long records are held back.
_LONGEST = 15.0
_NEVER = 2**62

#: Called with a kind and a frame of records of that kind that are not recorded unchanged. The frame has two more
#: columns: `fate`, and `recorded`, the timestamp of a late record or of a duplicate in the recording.
OnFate = Callable[[str, pl.DataFrame], None]


class Collector:
    """Stands between a run and its recording.

    Parameters
    ----------
    spec, topology
        How well the mesh is observed, and its topology.
    seed, start
        Seed of every draw, and wall time of simulated time 0.
    of_pods
        Names of metrics about pods, which are there even while the process is down.
    of_containers
        Names of metrics about containers, which are there from the start of the process.

    Attributes
    ----------
    made, recorded
        Numbers of records so far, by kind: those that the mesh made, and those that are recorded.
    fates
        How many of the records that are not recorded unchanged have each fate, by kind.
    clocks
        The offsets of the replicas' clocks.
    on_fate
        Called with the records that are not recorded unchanged.
    """

    def __init__(
        self,
        spec: Observability,
        topology: Topology,
        seed: int,
        start: datetime,
        of_pods: Collection[str] = (),
        of_containers: Collection[str] = (),
    ) -> None:
        self.spec = spec
        self.made: Counter[str] = Counter()
        self.recorded: Counter[str] = Counter()
        self.fates: dict[str, Counter[str]] = {kind: Counter() for kind in RECORD_KINDS}
        self.clocks = Clocks(seed, spec.clock_skew, Placement(topology))
        self.on_fate: OnFate = lambda kind, records: None
        self._origin = round(start.timestamp() * 1e6)
        self._slack = round(max(spec.slack, spec.export_every + _LONGEST) * 1e6)
        self._tail = None if spec.tail_sampling is None else Tail(seed, spec.tail_sampling)
        self._shipping = Shipping(seed, spec)
        self._scraping = Scraping(seed, spec, of_pods, of_containers)
        #: How long a process of each service starts (microseconds).
        self._startup = {each.name: round(each.startup * 1e6) for each in topology.services}
        #: Records whose fate is open, and those that only wait for their turn in order of time.
        self._open, self._told = Window(), Window()

    def collect(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield what is recorded of the batches of a run, in batches of its own that lag behind those."""
        clock = 0.0
        for batch in batches:
            self._take(batch)
            clock = batch.clock
            yield self._recorded(self._origin + round(clock * 1e6), max(0.0, clock - self._slack / 1e6))
        yield self._recorded(_NEVER, clock)

    def _take(self, batch: Batch) -> None:
        """Take a batch of the mesh; the fate of its records is open."""
        frames = {kind: batch.frame(kind).with_columns(microseconds().alias(AT)) for kind in RECORD_KINDS}
        for kind, frame in frames.items():
            self.made[kind] += len(frame)
        changes = frames["events"].filter(pl.col("type").is_in(["replica_stopped", "restart"]))
        for name, service, replica, at in changes.select("type", "service", "replica", AT).iter_rows():
            if name == "restart":
                self._scraping.note_start(replica, at, at + self._startup[service])
            else:
                self._shipping.note_killed(replica, at)
                self._scraping.note_down(replica, at)
        self._open.add(frames)

    def _recorded(self, horizon: int, clock: float) -> Batch:
        """Return what can be recorded once everything that the mesh made before `horizon` is here."""
        settled = horizon - self._slack
        due = self._open.until(settled)
        passed = {}
        for kind, frame in due.items():
            if kind == "traces":
                frame = self._sampled(frame)
            if kind in ("traces", "logs"):
                passed[kind] = self._shipped(kind, frame)
            elif kind == "metrics":
                passed[kind] = self._tell(kind, frame, self._scraping.fates(frame))
            else:
                passed[kind] = frame
        self._told.add(passed)
        told = self._told.until(settled - self.clocks.most)
        for kind, frame in told.items():
            self.recorded[kind] += len(frame)
        return batch_of(told, clock)

    def _sampled(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Return the spans of the traces that are sampled."""
        share = self.spec.head_sampling
        if share < 1.0:
            out = ~spans.select(in_head(share)).to_series()
            spans = self._tell("traces", spans, _where(out, SAMPLED))
        if self._tail is not None and len(spans):
            # Head sampling goes by the trace id, so spans that aren't due yet need not be filtered by it.
            out = ~self._tail.keeps(spans, self._open.held("traces"))
            spans = self._tell("traces", spans, _where(out, SAMPLED))
        return spans

    def _shipped(self, kind: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the spans or log lines that arrive, with the timestamps that they are recorded with."""
        if not len(frame):
            return frame
        lasted = frame.select(length()).to_series() if kind == "traces" else None
        made = frame[AT] if lasted is None else frame[AT] + lasted
        fate, late = self._shipping.fates(kind, frame, made)
        if lasted is not None:
            fate = _without(fate, (fate == DIED) & (lasted > _LONGEST * 1e6))
        at = self.clocks.shift(frame, AT) + late
        # A query for the time of the recording doesn't return records with earlier timestamps.
        arrives = fate.is_null() | fate.is_in([LATE, TWICE]).fill_null(False)
        fate = pl.select(pl.when(arrives & (at < self._origin)).then(pl.lit(EARLY)).otherwise(fate)).to_series()
        stamped = frame.with_columns(at.alias(AT), _iso(at))
        twice, recorded = (fate == TWICE).fill_null(False), fate.is_in([LATE, TWICE]).fill_null(False)
        if recorded.any():
            told = frame.with_columns(fate=fate, recorded=stamped["timestamp"]).filter(recorded)
            self._note(kind, told)
            fate = _without(fate, recorded)
        if not twice.any():
            return self._tell(kind, stamped, fate, of=frame)
        # A duplicate follows right after its original, whatever else has the same timestamp.
        rows = pl.Series(range(len(stamped)))
        order = pl.concat([rows, rows.filter(twice)]).sort()
        return self._tell(kind, stamped[order], fate[order], of=frame[order])

    def _tell(self, kind: str, frame: pl.DataFrame, fate: pl.Series, of: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return the records without a fate, and report the others as they were made (`of`, by default `frame`)."""
        gone = fate.is_not_null()
        if not gone.any():
            return frame
        was = frame if of is None else of
        self._note(kind, was.with_columns(fate=fate, recorded=pl.lit(None, dtype=pl.String)).filter(gone))
        return frame.filter(~gone)

    def _note(self, kind: str, records: pl.DataFrame) -> None:
        self.fates[kind].update(dict(records["fate"].value_counts().iter_rows()))
        self.on_fate(kind, records.drop(AT))


def _where(chosen: pl.Series, fate: str) -> pl.Series:
    """Return that fate for the chosen records, null for the others."""
    return pl.select(pl.when(chosen).then(pl.lit(fate))).to_series()


def _without(fate: pl.Series, spared: pl.Series) -> pl.Series:
    """Return fates, with null for the records that are spared."""
    return pl.select(pl.when(~spared.fill_null(False)).then(fate)).to_series()


def _iso(moments: pl.Series) -> pl.Series:
    """Return moments as timestamps of records."""
    return moments.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias("timestamp")
