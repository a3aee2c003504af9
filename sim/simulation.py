"""One run: a scenario played on a mesh, from which batches of records come."""

from __future__ import annotations

import gc
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from meshquake.faults.fault import Fault, Window
from meshquake.faults.loader import LoadedScenario
from meshquake.faults.observability import PERFECT
from meshquake.faults.scenario import Scenario
from meshquake.sim.forecast import forecast
from meshquake.sim.mesh import Mesh
from meshquake.sim.observability.collector import Collector
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.sim.telemetry.recorder import Cut, Recorder
from meshquake.topology.errors import FOLLOWED
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry.block import UNCHANGED
from meshquake.topology.units import duration

DEFAULT_START = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DEFAULT_INTERVAL = 1.0
#: Records made in one go, about: enough for work in columns to pay, few enough to take little memory.
BATCH = 32_000
#: The simulation is looked at so often (simulated seconds) whether a batch has come together.
_STRIDE = 0.5


class Simulation:
    """A scenario on a mesh, ready to be played once: the same scenario, topology and versions give the same records.

    Parameters
    ----------
    scenario
        What happens. The run has its seed and, if it says one, its rate.
    topology
        Where it happens.
    start
        Wall time of the start of the recording.
    interval
        Time between samples of metrics in seconds.
    batch
        Records a batch, about: changes when records come, not what they are.

    Raises
    ------
    ValueError
        For an interval that is shorter than a millisecond or longer than a day.

    Attributes
    ----------
    topology
        The mesh as played, at the rate of the run.
    interval_us
        Time between samples of metrics in whole microseconds.
    metrics
        Those that are recorded.
    mesh
        The running mesh, for those who want to look inside.
    recorder
        Makes records of what happens.
    collector
        Lets pass what is recorded of these; None if all is, as it was.
    samplers
        Take gauges on the way; another one may be added before the run.
    """

    def __init__(
        self,
        scenario: Scenario,
        topology: Topology,
        *,
        start: datetime = DEFAULT_START,
        interval: float = DEFAULT_INTERVAL,
        batch: int = BATCH,
    ) -> None:
        if not 0.001 <= interval <= 86400:
            raise ValueError(f"interval must be at least 0.001 and at most 86400 seconds, not {interval}")
        # What it says of telemetry is in the mesh from here on.
        said, scenario = scenario.telemetry, replace(scenario, telemetry=UNCHANGED)
        self.scenario = scenario
        self.topology = topology.at_rate(scenario.rate).recorded_by(said)
        self.start = start
        self.interval_us = round(interval * 1e6)
        self._batch = batch
        self.mesh = Mesh(self.topology, scenario.seed, scenario.length, _since_monday(start))
        self.metrics = metric_table.of(self.topology.telemetry)
        self.recorder = Recorder(self.mesh, start, self.interval_us, self.metrics)
        self.samplers = [self.recorder.sampler]
        observed = scenario.observability
        of_pods = [name for name, metric in self.metrics.metrics.items() if metric.of_pod]
        self.collector = None if observed == PERFECT else Collector(observed, scenario.seed, start, of_pods)
        #: When faults were over that are by now, in simulated seconds, by id.
        self._over: dict[str, float] = {}
        for fault in (*scenario.faults, *scenario.background):
            self.mesh.env.process(self._unfold(fault, scenario.window(fault)))

    @classmethod
    def of(
        cls,
        loaded: LoadedScenario,
        *,
        start: datetime = DEFAULT_START,
        interval: float = DEFAULT_INTERVAL,
        batch: int = BATCH,
    ) -> Simulation:
        """The run of a scenario on the mesh for which it was loaded. See `Simulation` for the parameters and errors."""
        return cls(loaded.scenario, loaded.topology, start=start, interval=interval, batch=batch)

    def _unfold(self, fault: Fault, window: Window) -> Generator[Any, Any, None]:
        """A fault, from the moment its window opens."""
        yield self.mesh.timeout(window.start)
        yield from self.mesh.journal.signed(fault.id, fault.run(self.mesh, window))
        self._over[fault.id] = self.mesh.now

    def acted(self, fault: Fault) -> Window:
        """When a fault of the scenario acted in this run, which was played; what was never over, to the end of it."""
        window = fault.acts(self.scenario.window(fault))
        if fault.lasts:
            return window
        return replace(window, end=min(self._over.get(fault.id, inf), self.scenario.length))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the run although it can be played."""
        return tuple(filter(None, (self._unsampled, forecast(self.topology, self.scenario, self.interval_us / 1e6))))

    @property
    def _unsampled(self) -> str:
        if self.interval_us <= round(self.scenario.length * 1e6):
            return ""
        interval, length = duration(self.interval_us / 1e6), duration(self.scenario.length)
        return f"no metrics are sampled: interval {interval} is longer than the recording; {length} is the longest"

    @property
    def unfinished(self) -> int:
        """Requests so far of which something was not over when they were followed no more."""
        return self.mesh.engine.unfinished

    @property
    def leftover(self) -> str:
        """A warning of such requests; empty if there were none."""
        if not self.unfinished:
            return ""
        were = "1 request was" if self.unfinished == 1 else f"{self.unfinished} requests were"
        return f"{were} not over after {duration(FOLLOWED)}: what was left of them is recorded as unfinished"

    def without(self, faults: Collection[str]) -> Simulation:
        """The same run, not played yet, with the faults of these ids taken out."""
        left = tuple(fault for fault in self.scenario.faults if fault.id not in faults)
        return Simulation(
            replace(self.scenario, faults=left),
            self.topology,
            start=self.start,
            interval=self.interval_us / 1e6,
            batch=self._batch,
        )

    def batches(self) -> Iterator[Batch]:
        """Play the scenario; records come in order of time, whenever enough of them have settled."""
        return self.records(self.cuts())

    def records(self, cuts: Iterator[Cut]) -> Iterator[Batch]:
        """What is recorded of what happened, which comes in `cuts` of this run."""
        batches = map(self.recorder.batch, cuts)
        return batches if self.collector is None else self.collector.collect(batches)

    def cuts(self) -> Iterator[Cut]:
        """Play the scenario; what happens comes as it is, for `recorder` to make records of.

        Users stop coming at the end of the recording, and metrics end there; what is under way then is played to its
        end, so that no trace is cut off. A request is followed for at most `topology.errors.FOLLOWED`, so that comes.
        """
        with _frozen():
            yield from self._play()

    def _play(self) -> Iterator[Cut]:
        mesh, recorder = self.mesh, self.recorder
        # Everything is timed by whole numbers of a stride or an interval, so that no sum of times drifts.
        end = round(self.scenario.length * 1e6)
        now = 0
        while now < end:
            now = min(now + round(_STRIDE * 1e6), end, *(sampler.due for sampler in self.samplers))
            with _no_garbage_collection():
                mesh.env.advance(now / 1e6)
            for sampler in self.samplers:
                if now == sampler.due:
                    sampler.sample()
            if recorder.waiting >= self._batch:
                yield recorder.cut()
        while mesh.engine.live:
            with _no_garbage_collection():
                mesh.env.advance(mesh.now + _STRIDE)
            if recorder.waiting >= self._batch:
                yield recorder.cut()
        yield recorder.cut(last=True)


def _since_monday(start: datetime) -> float:
    """Seconds since midnight on a Monday, in UTC."""
    moment = start.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.weekday() * 86400 + (moment - midnight).total_seconds()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Without Python's cyclic collector, which would walk every call under way again and again; calls form no rings."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _frozen() -> Iterator[None]:
    """With all that exists already, the mesh above all, out of the cyclic collector's way: it outlasts the run."""
    # Not if it was done before: to undo it is to undo all of it.
    froze = gc.get_freeze_count() == 0
    if froze:
        gc.freeze()
    try:
        yield
    finally:
        if froze:
            gc.unfreeze()
