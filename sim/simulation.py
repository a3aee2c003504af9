"""One run: a scenario played on a mesh, from which batches of records come."""

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
        with collecting.paused():  # what is made here lasts
            self.mesh = Mesh(self.topology, scenario.seed, scenario.length, _since_monday(start))
            self.metrics = metric_table.of(self.topology.telemetry)
            self.recorder = Recorder(self.mesh, start, self.interval_us, self.metrics)
        self.samplers = [self.recorder.sampler]
        observed = scenario.observability
        of_pods = [name for name, metric in self.metrics.metrics.items() if metric.of_pod]
        self.collector: Collector | None = None
        if observed != PERFECT:
            from meshquake.sim.observability.collector import Collector

            self.collector = Collector(observed, self.topology, scenario.seed, start, of_pods)
        #: When faults were over that are by now, in simulated seconds, by id.
        self._over: dict[str, float] = {}
        #: When an operator mended faults, likewise.
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
        """The run of a scenario on the mesh for which it was loaded. See `Simulation` for the parameters and errors."""
        return cls(loaded.scenario, loaded.topology, start=start, interval=interval, batch=batch)

    def bring(self, cause: Cause) -> None:
        """Let a fault or an action come when its window opens, which is not before now.

        It comes before everything else of that moment, so that nothing depends on when it became known.
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
        """When a fault or an action acted in this run, which was played; what was never over, to the end of it."""
        window = self.scenario.window(cause)
        if isinstance(cause, Fault):
            window = cause.acts(window)
        if cause.lasts:
            return replace(window, end=min(window.end, self._mended.get(cause.id, inf)))
        return replace(window, end=min(self._over.get(cause.id, inf), self.scenario.length))

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

    def hush(self) -> None:
        """Nobody will read log lines of this run, which wasn't played yet: its processes say nothing by themselves."""
        self.mesh.chatter.heard = False

    def without(self, causes: Collection[str]) -> Simulation:
        """The same run, not played yet, with the faults and the actions of these ids taken out."""
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
        """Play the scenario; records come in order of time, whenever enough of them have settled."""
        return self.records(self.cuts())

    def records(self, cuts: Iterator[Cut]) -> Iterator[Batch]:
        """What is recorded of what happened, which comes in `cuts` of this run."""
        batches = map(self.recorder.batch, cuts)
        return batches if self.collector is None else self.collector.collect(batches)

    def cuts(self) -> Generator[Cut]:
        """Play the scenario; what happens comes as it is, for `recorder` to make records of.

        Users stop coming at the end of the recording, and metrics end there; what is under way then is played to its
        end, so that no trace is cut off. A request is followed for at most `topology.errors.FOLLOWED`, so that comes.
        """
        with collecting.of_a_run():
            yield from self._play()

    def _play(self) -> Iterator[Cut]:
        for _ in self.strides():
            if self.recorder.waiting >= self._batch:
                yield self.recorder.cut()
        yield self.recorder.cut(last=True)

    def strides(self) -> Iterator[float]:
        """Play the scenario stride by stride, for who takes cuts of `recorder` itself; gives the time after each.

        How long it's left alone between two strides changes nothing.
        """
        mesh = self.mesh
        # Everything is timed by whole numbers of a stride or an interval, so that no sum of times drifts.
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
    """Seconds since midnight on a Monday, in UTC."""
    moment = start.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.weekday() * 86400 + (moment - midnight).total_seconds()
