"""A mesh that is played second by second, into which faults and actions come while it's played.

It knows no wall clock (`sim.live.pace` does), so how fast it's played, and when somebody pauses, changes nothing: the
same things done at the same simulated times give the same records, to the byte, as the scenario that it writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from meshquake.faults.fault import Cause
from meshquake.faults.loader import LoadedScenario, Options
from meshquake.sim.engine.call import ROW
from meshquake.sim.live.recent import Recent
from meshquake.sim.live.script import Script
from meshquake.sim.live.second import Onlooker, Second
from meshquake.sim.records import Batch
from meshquake.sim.simulation import BATCH, DEFAULT_START, Simulation
from meshquake.sim.telemetry.recorder import Cut

#: Seconds that are remembered: as many as one who looks on is shown.
REMEMBERED: Final = 600
#: Records are made of so many seconds together, or bytes of calls, unless somebody wants to see some before.
_CUTS, _BYTES = 60, BATCH // 3 * ROW.itemsize


class Session:
    """One play, from the start of its recording to the end.

    Parameters
    ----------
    loaded
        The scenario that is played, and its mesh.
    options
        The options with which it was loaded.
    start
        Wall time of the start of the recording.
    on_batch
        The first of the `hearers`, besides `recent`.
    on_cut
        Hears of what each second left, before there are records of it.
    recorded
        Whether records are made at all: who only looks at seconds is spared the time, and nothing is `recent` then.

    Attributes
    ----------
    script
        The scenario as it is by now.
    simulation
        The run, to look at.
    seconds
        The last ten minutes, second by second.
    recent
        What was recorded last.
    over
        Whether everything is played, to the end of what was under way when the recording ended.
    hearers
        Those who hear of the records of the run, in order of time, as they settle.
    """

    def __init__(
        self,
        loaded: LoadedScenario,
        options: Options,
        *,
        start: datetime = DEFAULT_START,
        on_batch: Callable[[Batch], None] | None = None,
        on_cut: Callable[[Cut], None] | None = None,
        recorded: bool = True,
    ) -> None:
        self.script = Script(loaded, options)
        self.simulation = Simulation(self.script.scenario, loaded.topology, start=start)
        self.seconds: deque[Second] = deque(maxlen=REMEMBERED)
        self.recent = Recent()
        self.over = False
        self.hearers: list[Callable[[Batch], object]] = [self.recent.take, *([on_batch] if on_batch else [])]
        self._on_cut = on_cut
        self._recorded = recorded
        if not recorded:
            self.simulation.hush()
        self._strides: Iterator[float] = self.simulation.strides()
        self._onlooker = Onlooker(self.simulation.mesh)
        #: Cuts of which no records have been made, and the one of which some are to be made next.
        self._cuts: list[Cut] = []
        self._next_cut: Cut | None = None
        self._records = self.simulation.records(self._feed())

    @property
    def now(self) -> float:
        """The present moment in simulated seconds: everything before it has happened."""
        return self.simulation.mesh.now

    def play(self) -> Second | None:
        """Play the next second, and after the last one what is under way; None if everything is over."""
        if self.over:
            return None
        length, mesh = self.simulation.scenario.length, self.simulation.mesh
        end = min(int(mesh.now + 1e-9) + 1, length)
        while mesh.now < end or (end == length and not self.over):
            self.over = next(self._strides, None) is None
            if self.over:
                break
        cut = self.simulation.recorder.cut(last=self.over)
        second = self._onlooker.second(cut)
        self.seconds.append(second)
        if self._on_cut is not None:
            self._on_cut(cut)
        if not self._recorded:
            return second
        self._cuts.append(cut)
        if self.over or len(self._cuts) >= _CUTS or sum(len(cut.rows) for cut in self._cuts) >= _BYTES:
            self.settle()
        return second

    def settle(self) -> None:
        """Make the records of what has settled. When that is done, or how often, doesn't matter."""
        if self._cuts:
            self._next_cut, self._cuts = _joined(self._cuts), []
            self._hear(next(self._records))
        if self.over:
            self._next_cut = None
            for batch in self._records:
                self._hear(batch)

    def _feed(self) -> Iterator[Cut]:
        """The cuts of which records are made, each when it's there."""
        while self._next_cut is not None:
            yield self._next_cut

    def _hear(self, batch: Batch) -> None:
        for hear in self.hearers:
            hear(batch)

    def do(self, section: str, kind: str, keys: Mapping[str, Any]) -> Cause:
        """Bring about a fault (`faults`), something besides (`background`), or an action (`actions`), at once.

        Parameters, returns and raises as `sim.live.script.Script.add`; ValueError once the recording has ended.
        """
        if self.now >= self.simulation.scenario.length:
            raise ValueError("the recording has ended")
        cause = self.script.add(section, kind, keys, self.now)
        self.simulation.scenario = replace(self.script.scenario, telemetry=self.simulation.scenario.telemetry)
        self.simulation.bring(cause)
        return cause


def _joined(cuts: list[Cut]) -> Cut:
    """Several cuts that follow one another, as one."""
    last = cuts[-1]
    return replace(
        last,
        rows=b"".join(cut.rows for cut in cuts),
        readings=[each for cut in cuts for each in cut.readings],
        lines=[each for cut in cuts for each in cut.lines],
        events=[each for cut in cuts for each in cut.events],
        waits=[each for cut in cuts for each in cut.waits],
        attributes={number: each for cut in cuts for number, each in cut.attributes.items()},
    )
