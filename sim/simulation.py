"""One run: plays a scenario on a mesh and yields batches of records."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any

from meshquake.faults.fault import Cause, Fault, Window
from meshquake.faults.loader import LoadedScenario
from meshquake.faults.observability import PERFECT
from meshquake.faults.scenario import Scenario
from meshquake.sim import collecting
from meshquake.sim.forecast import forecast
from meshquake.sim.mesh import Mesh
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.sim.telemetry.recorder import Cut, Recorder
from meshquake.topology.errors import FOLLOWED
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry.block import UNCHANGED
from meshquake.topology.units import duration

if TYPE_CHECKING:
    from meshquake.sim.observability.collector import Collector

DEFAULT_START = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DEFAULT_INTERVAL = 1.0
#: Approximate number of records made at once: enough for columnar work to pay off, few enough to take little memory.
BATCH = 32_000
#: How often (simulated seconds) to check whether enough records for a batch have accumulated.
_STRIDE = 0.5


class Simulation:
    """A scenario on a mesh, ready to be played once: the same scenario, topology and versions give the same records.

    Parameters
    ----------
    scenario
        What happens. The run uses its seed and, if it has one, its rate.
    topology
        Where it happens.
    start
        Wall time of the start of the recording.
    interval
        Time between samples of metrics in seconds.
    batch
        Approximate number of records in a batch: changes when records come, not what they are.

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
        The metrics that are recorded.
    mesh
        The running mesh, for inspection.
    recorder
        Makes records of what happens.
    collector
        Decides which of these are recorded, and how; None if all are, unchanged.
    samplers
        Sample gauges during the run; another sampler may be added before it.
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
        # From here on, the mesh holds what the scenario says of telemetry.
        said, scenario = scenario.telemetry, replace(scenario, telemetry=UNCHANGED)
        self.scenario = scenario
        self.topology = topology.at_rate(scenario.rate).recorded_by(said)
        self.start = start
        self.interval_us = round(interval * 1e6)
        self._batch = batch
        with collecting.paused():  # what is made here lasts as long as the run
            self.mesh = Mesh(self.topology, scenario.seed, scenario.length, _since_monday(start))
            self.metrics = metric_table.of(self.topology.telemetry)
            self.recorder = Recorder(self.mesh, start, self.interval_us, self.metrics)
        self.samplers = [self.recorder.sampler]
        observed = scenario.observability
        of_pods = [name for name, metric in self.metrics.metrics.items() if metric.of_pod]
        of_containers = [name for name, metric in self.metrics.metrics.items() if metric.of_container]
        self.collector: Collector | None = None
        if observed != PERFECT:
            from meshquake.sim.observability.collector import Collector

            self.collector = Collector(observed, self.topology, scenario.seed, start, of_pods, of_containers)
        #: When each cause that is over ended, in simulated seconds, by id.
        self._over: dict[str, float] = {}
        #: When an operator mended each fault that was mended, likewise.
        self._mended: dict[str, float] = {}
        for cause in scenario.causes:
            self.bring(cause)

    @classmethod
    def of(
        cls,
        loaded: LoadedScenario,
        *,
        start: datetime = DEFAULT_START,
        interval: float = DEFAULT_INTERVAL,
        batch: int = BATCH,
    ) -> Simulation:
        """A run of a scenario on the mesh it was loaded for. See `Simulation` for the parameters and errors."""
        return cls(loaded.scenario, loaded.topology, start=start, interval=interval, batch=batch)

    def bring(self, cause: Cause) -> None:
        """Schedule a fault or an action for when its window opens, which must not be in the past.

        It begins before everything else of that moment, so that nothing depends on when it was scheduled.
        """
        window = self.scenario.window(cause)
        self.mesh.env.call_at(max(0.0, window.start), self._begin, (cause, window), urgent=True)

    def _begin(self, coming: tuple[Cause, Window]) -> None:
        cause, window = coming
        process = self.mesh.env.process(self._unfold(cause, window))
        if isinstance(cause, Fault):
            self.mesh.under_way[cause.id] = (cause, process)

    def _unfold(self, cause: Cause, window: Window) -> Generator[Any, Any, None]:
        """A fault or an action, from the moment its window opens."""
        mended = yield from self.mesh.journal.signed(cause.id, cause.run(self.mesh, window))
        self._over[cause.id] = self.mesh.now
        self.mesh.under_way.pop(cause.id, None)
        if mended and isinstance(cause, Fault):
            self.mesh.clear(cause)
            self._mended[cause.id] = self.mesh.now

    def acted(self, cause: Cause) -> Window:
        """When a fault or an action acted in this run, once played; one that never ended acted until the run did."""
        window = self.scenario.window(cause)
        if isinstance(cause, Fault):
            window = cause.acts(window)
        if cause.lasts:
            return replace(window, end=min(window.end, self._mended.get(cause.id, inf)))
        return replace(window, end=min(self._over.get(cause.id, inf), self.scenario.length))

    def under_way(self, cause: Cause) -> Window:
        """When something harmless was under way, once played: a version that stays was once its rollout was over."""
        window = self.acted(cause)
        return replace(window, end=min(window.end, self.mesh.rolled_out.get(cause.id, inf)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the run, though it can be played."""
        return tuple(filter(None, (self._unsampled, forecast(self.topology, self.scenario, self.interval_us / 1e6))))

    @property
    def _unsampled(self) -> str:
        if self.interval_us <= round(self.scenario.length * 1e6):
            return ""
        interval, length = duration(self.interval_us / 1e6), duration(self.scenario.length)
        return f"no metrics are sampled: the interval of {interval} is longer than the recording of {length}"

    @property
    def unfinished(self) -> int:
        """How many requests so far were not over when the limit on following them was reached."""
        return self.mesh.engine.unfinished

    @property
    def leftover(self) -> str:
        """A warning about such requests; empty if there were none."""
        if not self.unfinished:
            return ""
        were = "1 request was" if self.unfinished == 1 else f"{self.unfinished} requests were"
        return f"{were} not finished after {duration(FOLLOWED)}: what was left is recorded as unfinished"

    def hush(self) -> None:
        """Skip log lines that processes write by themselves, in a run not played yet whose log nobody will read."""
        self.mesh.chatter.heard = False

    def without(self, causes: Collection[str]) -> Simulation:
        """The same run, not played yet, without the faults and actions of these ids."""
        faults = tuple(fault for fault in self.scenario.faults if fault.id not in causes)
        actions = tuple(action for action in self.scenario.actions if action.id not in causes)
        return Simulation(
            replace(self.scenario, faults=faults, actions=actions),
            self.topology,
            start=self.start,
            interval=self.interval_us / 1e6,
            batch=self._batch,
        )

    def batches(self) -> Iterator[Batch]:
        """Play the scenario; yields records in time order, whenever enough of them have settled."""
        return self.records(self.cuts())

    def records(self, cuts: Iterator[Cut]) -> Iterator[Batch]:
        """The recorded batches of what happened, given as `cuts` of this run."""
        batches = map(self.recorder.batch, cuts)
        return batches if self.collector is None else self.collector.collect(batches)

    def cuts(self) -> Generator[Cut]:
        """Play the scenario; yields what happened in raw form, for `recorder` to make records of.

        Users stop coming at the end of the recording, and metrics end there; requests still under way are played to
        their end, so that no trace is cut off. A request is followed for at most `topology.errors.FOLLOWED`, so the run
        does end.
        """
        with collecting.of_a_run():
            yield from self._play()

    def _play(self) -> Iterator[Cut]:
        for _ in self.strides():
            if self.recorder.waiting >= self._batch:
                yield self.recorder.cut()
        yield self.recorder.cut(last=True)

    def strides(self) -> Iterator[float]:
        """Play the scenario stride by stride, for callers who take cuts of `recorder`; yields the time after each.

        A pause between two strides, however long, changes nothing.
        """
        mesh = self.mesh
        # All times are whole numbers of a stride or an interval, so that no sum of times drifts.
        end = round(self.scenario.length * 1e6)
        now = 0
        while now < end:
            now = min(now + round(_STRIDE * 1e6), end, *(sampler.due for sampler in self.samplers))
            with collecting.paused():
                mesh.env.advance(now / 1e6)
            for sampler in self.samplers:
                if now == sampler.due:
                    sampler.sample()
            yield mesh.now
        while mesh.engine.live:
            with collecting.paused():
                mesh.env.advance(mesh.now + _STRIDE)
            yield mesh.now


def _since_monday(start: datetime) -> float:
    """Seconds since midnight on Monday, in UTC."""
    moment = start.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.weekday() * 86400 + (moment - midnight).total_seconds()
