"""A mesh that is played second by second, and takes faults and actions while it plays.

It does not know the wall clock (`sim.live.pace` does), so speed and pauses change nothing: the same things done at the
same simulated times give the same records, to the byte, as the scenario that it writes.
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

#: How many seconds are kept: as many as the live view shows.
REMEMBERED: Final = 600
#: Records are made of this many seconds at a time, or bytes of calls, unless they are needed earlier.
_CUTS, _BYTES = 60, BATCH // 3 * ROW.itemsize


class Session:
    """One playing of a scenario, from the start of its recording to the end.

    Parameters
    ----------
    loaded
        The scenario that is played, and its mesh.
    options
        The options with which it was loaded.
    start
        Wall time of the start of the recording.
    on_batch
        The first of the `hearers`, after `recent`.
    on_cut
        Called with the cut of each second, before records are made of it.
    recorded
        Whether records are made at all. Without them, `seconds` come faster, and `recent` stays empty.

    Attributes
    ----------
    script
        The scenario as it is now.
    simulation
        The run, for reading only.
    seconds
        The last ten minutes, second by second.
    recent
        The latest records.
    over
        Whether everything has been played, including what was under way when the recording ended.
    hearers
        Called with the records of the run as they settle, in order of time.
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
        #: Cuts of which no records have been made yet, and the one whose records are made next.
        self._cuts: list[Cut] = []
        self._next_cut: Cut | None = None
        self._records = self.simulation.records(self._feed())

    @property
    def now(self) -> float:
        """The present moment in simulated seconds: everything before it has happened."""
        return self.simulation.mesh.now

    def play(self) -> Second | None:
        """Play the next second, and after the last one what is still under way; return None if everything is over."""
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
        """Make records of everything that has settled. When or how often this is called makes no difference."""
        if self._cuts:
            self._next_cut, self._cuts = _joined(self._cuts), []
            self._hear(next(self._records))
        if self.over:
            self._next_cut = None
            for batch in self._records:
                self._hear(batch)

    def _feed(self) -> Iterator[Cut]:
        """Yield the cuts of which records are made, as they become available."""
        while self._next_cut is not None:
            yield self._next_cut

    def _hear(self, batch: Batch) -> None:
        for hear in self.hearers:
            hear(batch)

    def do(self, section: str, kind: str, keys: Mapping[str, Any]) -> Cause:
        """Start a fault (`faults`), a background event (`background`) or an action (`actions`) at once.

        Parameters, returns and raises as `sim.live.script.Script.add`; ValueError once the recording has ended.
        """
        if self.now >= self.simulation.scenario.length:
            raise ValueError("the recording has ended")
        cause = self.script.add(section, kind, keys, self.now)
        self.simulation.scenario = replace(self.script.scenario, telemetry=self.simulation.scenario.telemetry)
        self.simulation.bring(cause)
        return cause


def _joined(cuts: list[Cut]) -> Cut:
    """Return consecutive cuts as one."""
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
