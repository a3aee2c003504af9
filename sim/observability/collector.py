"""Lets pass what is recorded of a mesh's telemetry, in order of time, and keeps account of what became of the rest."""

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
#: Spans that last longer (seconds) are taken to be exported whatever becomes of their process: so long it may be open
#: what does, and records be held back.
_LONGEST = 15.0
_NEVER = 2**62

#: Hears of records of a kind that are not recorded as they were: frames of such records, with two columns besides:
#: `fate`, and `recorded`, the moment that a late one or a second one has in the recording.
OnFate = Callable[[str, pl.DataFrame], None]


class Collector:
    """Stands between a run and its recording.

    Parameters
    ----------
    spec, topology
        How well the mesh is observed, and which it is.
    seed, start
        Seed of every draw, and wall time of simulated time 0.
    of_pods
        Names of metrics that tell of pods, whatever becomes of their processes.

    Attributes
    ----------
    made, recorded
        Records so far, by kind: those that the mesh made, and those that are recorded.
    fates
        What became of those that are not recorded as they were, by kind: how many have each fate.
    clocks
        What the replicas' clocks are off by.
    on_fate
        Who hears of such records.
    """

    def __init__(
        self, spec: Observability, topology: Topology, seed: int, start: datetime, of_pods: Collection[str] = ()
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
        self._scraping = Scraping(seed, spec, of_pods)
        #: Records of which it is open what becomes of them, and those that are only waiting for their turn.
        self._open, self._told = Window(), Window()

    def collect(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """What is recorded of the batches of a run, in batches that come later than those."""
        clock = 0.0
        for batch in batches:
            self._take(batch)
            clock = batch.clock
            yield self._recorded(self._origin + round(clock * 1e6), max(0.0, clock - self._slack / 1e6))
        yield self._recorded(_NEVER, clock)

    def _take(self, batch: Batch) -> None:
        """Take what a mesh made, which is open from now on."""
        frames = {kind: batch.frame(kind).with_columns(microseconds().alias(AT)) for kind in RECORD_KINDS}
        for kind, frame in frames.items():
            self.made[kind] += len(frame)
        changes = frames["events"].filter(pl.col("type").is_in(["replica_stopped", "restart"]))
        for name, replica, at in changes.select("type", "replica", AT).iter_rows():
            if name == "restart":
                self._scraping.note_up(replica, at)
            else:
                self._shipping.note_killed(replica, at)
                self._scraping.note_down(replica, at)
        self._open.add(frames)

    def _recorded(self, horizon: int, clock: float) -> Batch:
        """What is recorded of what is known by a moment, up to which all that the mesh made is here."""
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
        """The spans of traces that are sampled."""
        share = self.spec.head_sampling
        if share < 1.0:
            out = ~spans.select(in_head(share)).to_series()
            spans = self._tell("traces", spans, _where(out, SAMPLED))
        if self._tail is not None and len(spans):
            # Whether a trace is in the head's sample is told from its id, so those that aren't due need no look at it.
            out = ~self._tail.keeps(spans, self._open.held("traces"))
            spans = self._tell("traces", spans, _where(out, SAMPLED))
        return spans

    def _shipped(self, kind: str, frame: pl.DataFrame) -> pl.DataFrame:
        """The spans or log lines that arrive, with the times by which they are recorded."""
        if not len(frame):
            return frame
        lasted = frame.select(length()).to_series() if kind == "traces" else None
        made = frame[AT] if lasted is None else frame[AT] + lasted
        fate, late = self._shipping.fates(kind, frame, made)
        if lasted is not None:
            fate = _without(fate, (fate == DIED) & (lasted > _LONGEST * 1e6))
        at = self.clocks.shift(frame, AT) + late
        # Who asks for the time of the recording doesn't get what says that it's earlier.
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
        # The second of two stands right behind the first, whatever else is of the same moment.
        rows = pl.Series(range(len(stamped)))
        order = pl.concat([rows, rows.filter(twice)]).sort()
        return self._tell(kind, stamped[order], fate[order], of=frame[order])

    def _tell(self, kind: str, frame: pl.DataFrame, fate: pl.Series, of: pl.DataFrame | None = None) -> pl.DataFrame:
        """The records that have no fate; the others are told of as they were made."""
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
    """That fate for the chosen records, none for the others."""
    return pl.select(pl.when(chosen).then(pl.lit(fate))).to_series()


def _without(fate: pl.Series, spared: pl.Series) -> pl.Series:
    """The fates of records, of which some are spared."""
    return pl.select(pl.when(~spared.fill_null(False)).then(fate)).to_series()


def _iso(moments: pl.Series) -> pl.Series:
    """Moments as records have them."""
    return moments.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias("timestamp")
