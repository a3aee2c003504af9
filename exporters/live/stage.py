"""A live session, played at a chosen pace while several people watch and one steers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from math import inf
from threading import Condition, Thread
from typing import Any, Final

from meshquake.exporters.live.doing import do
from meshquake.exporters.live.exercise import BRIEF
from meshquake.exporters.live.messages import Messages
from meshquake.exporters.live.settings import settings
from meshquake.exporters.live.steering import Asked, Refused
from meshquake.exporters.live.timing import Timing
from meshquake.exporters.live.waterfalls import waterfalls
from meshquake.exporters.page.traces import Words
from meshquake.faults.fault import Cause
from meshquake.sim.live.pace import Pace
from meshquake.sim.live.script import Script
from meshquake.sim.live.session import Session
from meshquake.topology.exceptions import MeshquakeError

#: Most log lines returned at once.
LINES: Final = 120
#: Real seconds between updates of the records for viewers.
_SETTLE: Final = 1.0
#: Real seconds that other threads get between two simulated seconds at full speed.
_BREATH: Final = 0.0005


@dataclass(frozen=True)
class Seen:
    """What a viewer has seen so far: which run, up to which time, how many events, and which causes and status."""

    run: int = -1
    time: float = -1.0
    events: int = 0
    causes: str = ""
    status: str = ""


class Stage:
    """Plays sessions one after another, each until a restart.

    Parameters
    ----------
    make
        Makes a session from a seed.
    seed
        The seed of the first session.
    clock
        A clock in real seconds, with any origin.
    speed
        Initial speed, in simulated seconds per real second.
    judge
        For an exercise: judges it once it is over. Until then the faults of the scenario are hidden, and nobody may add
        others.
    """

    def __init__(
        self,
        make: Callable[[int], Session],
        seed: int,
        clock: Callable[[], float],
        speed: float = 1.0,
        judge: Callable[[Script], dict[str, Any]] | None = None,
    ) -> None:
        self._begin(make(seed))
        self.seed = seed
        self.secret = judge is not None
        #: Whether an exercise is over, and its verdict once it is judged.
        self.finished = False
        self.verdict: dict[str, Any] | None = None
        self._judge = judge
        self._make = make
        self._clock = clock
        self._pace = Pace(clock, speed)
        self._paused = True
        self._run = 0
        self._stopped = False
        self._settled = clock()
        self._turn = Condition()

    def _begin(self, session: Session) -> None:
        """Play this session from now on, and collect its records for viewers."""
        start = session.simulation.start
        self.session, self._messages, self._timing = session, Messages(start), Timing(start)
        session.hearers += [self._messages.take, self._timing.take]

    # -- playing ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play until `stop` is called; runs in a thread of its own."""
        while True:
            with self._turn:
                if self._stopped:
                    return
                self._turn.wait(self.tick())

    def tick(self) -> float | None:
        """Play a second if one is due. Returns the real seconds until the next; None until a request comes."""
        if self._paused or self.session.over or self.finished:
            return None
        wait = self._pace.wait()
        if wait > 0:
            return wait
        self._play()
        self._pace.played()
        return max(_BREATH, self._pace.wait())

    def _play(self) -> None:
        self.session.play()
        if self._clock() - self._settled >= _SETTLE:
            self.session.settle()
            self._settled = self._clock()
        if self.session.over and self.secret:
            self._end()

    def _end(self) -> None:
        """End the exercise, and judge it in the background while viewers go on watching."""
        self.finished = self._paused = True
        Thread(target=self._tell, args=(self.session,), name="judge", daemon=True).start()

    def _tell(self, session: Session) -> None:
        assert self._judge is not None
        verdict = self._judge(session.script)
        with self._turn:
            if session is self.session:  # otherwise it was restarted meanwhile
                self.verdict = verdict

    def stop(self) -> None:
        """Make `run` return."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()

    # -- steering -----------------------------------------------------------------------------------------------------

    def steer(self, asked: Asked) -> dict[str, Any]:
        """Carry out a request, and return its result.

        Raises
        ------
        Refused
            If that cannot be done, with all problems. Nothing has changed then.
        """
        if asked.do == "restart":
            return self._restart(asked)
        with self._turn:
            done: dict[str, Any] = getattr(self, f"_{asked.do}")(asked)
            self._turn.notify_all()
            return done

    def _pause(self, asked: Asked) -> dict[str, Any]:
        self._paused = True
        self.session.settle()
        return {}

    def _resume(self, asked: Asked) -> dict[str, Any]:
        self._paused = False
        self._pace.begin()
        return {}

    def _step(self, asked: Asked) -> dict[str, Any]:
        self._paused = True
        self._refuse_finished()
        self._play()
        self.session.settle()
        return {}

    def _speed(self, asked: Asked) -> dict[str, Any]:
        self._pace.change(asked.speed)
        return {}

    def _restart(self, asked: Asked) -> dict[str, Any]:
        try:
            session = self._make(asked.seed)  # may take a while, so others are not locked out
        except MeshquakeError as error:
            raise Refused(str(error)) from None
        with self._turn:
            self._begin(session)
            self.seed = asked.seed
            self._run += 1
            self.verdict, self.finished = None, False
            self._turn.notify_all()
        return {}

    def _fault(self, asked: Asked) -> dict[str, Any]:
        if self.secret:
            raise Refused("this is an exercise: there is a fault already")
        return self._do("faults", asked)

    def _action(self, asked: Asked) -> dict[str, Any]:
        if self.secret and "fault" in asked.keys:
            raise Refused("an exercise does not reveal its faults: name a target instead")
        return self._do("actions", asked)

    def _finish(self, asked: Asked) -> dict[str, Any]:
        if not self.secret:
            raise Refused("only an exercise can be finished")
        self._refuse_finished()
        self._end()
        return {}

    def _do(self, section: str, asked: Asked) -> dict[str, Any]:
        self._refuse_finished()
        cause = do(self.session, section, asked.kind, asked.keys)
        return {"id": cause.id, "at": self.session.script.scenario.window(cause).start}

    def _refuse_finished(self) -> None:
        if self.finished:
            raise Refused("the exercise is over: restart it with another seed")

    # -- viewing ------------------------------------------------------------------------------------------------------

    def update(self, seen: Seen) -> tuple[dict[str, Any], Seen]:
        """Return what is new to a viewer, and what they have seen after that."""
        with self._turn:
            if seen.run != self._run:
                seen = Seen(self._run)
            session, status = self.session, self._status()
            recent = session.recent
            fresh = min(recent.counted - seen.events, len(recent.events))
            newer = [second for second in session.seconds if second.time > seen.time]
            causes = [self._cause(each) for each in self._shown()]
            told = {
                **({} if repr(status) == seen.status else {"status": status}),
                **({"seconds": [second.as_json() for second in newer]} if newer else {}),
                **({"events": list(islice(recent.events, len(recent.events) - fresh, None))} if fresh > 0 else {}),
                **({} if repr(causes) == seen.causes else {"causes": causes}),
            }
            time = newer[-1].time if newer else seen.time
            return told, Seen(self._run, time, recent.counted, repr(causes), repr(status))

    def recent(self, services: Collection[str] = ()) -> dict[str, Any]:
        """Return the lines that were recorded last, of some services or all, and the latest traces."""
        with self._turn:
            self.session.settle()
            recent = self.session.recent
            return {"lines": recent.lines_of(services, LINES), "traces": list(recent.traces.values())}

    def requests(self) -> dict[str, Any]:
        """Return the requests that were recorded last, as waterfalls and as flame graphs.

        See `exporters.live.waterfalls` and `exporters.live.timing`.
        """
        words = Words()
        with self._turn:
            self.session.settle()
            session = self.session
            traces = [list(spans) for spans in session.recent.traces.values()]
            scenario = session.script.scenario
            begun = [scenario.window(cause).start for cause in self._shown() if cause not in scenario.background]
            flame = self._timing.flame(min(begun, default=None), words)
        return {**waterfalls(traces, session.simulation.start, words), "flame": flame, "words": list(words)}

    def templates(self, services: Collection[str] = ()) -> dict[str, Any]:
        """Return recent log templates with counts, of some services or all (`exporters.live.messages`)."""
        with self._turn:
            self.session.settle()
            return self._messages.told(services)

    def settings(self, service: str, callee: str | None) -> dict[str, str]:
        """Return the current settings of a service or an edge (`exporters.live.settings`); Refused if there is none."""
        with self._turn:
            return settings(self.session.simulation.mesh, service, callee)

    def scenario(self) -> str:
        """Return the scenario so far and the command to play it; Refused while that would give away an exercise."""
        with self._turn:
            if self.secret and not self.finished:
                raise Refused("the scenario of an exercise is shown once it is over")
            session = self.session
            text = session.script.until(session.now) if not self.secret else session.script.text
            calm = " --calm" if session.script.scenario.calm else ""
            return f"# python run.py scenario FILE --seed {session.script.scenario.seed}{calm}\n{text}"

    def _status(self) -> dict[str, Any]:
        session = self.session
        return {
            "run": self._run,
            "seed": self.seed,
            "name": session.script.scenario.name,
            "now": round(session.now, 3),
            "length": session.simulation.scenario.length,
            "lead_in": session.simulation.scenario.lead_in,
            "start": session.simulation.start.isoformat(),
            "speed": "max" if self._pace.speed == inf else self._pace.speed,
            "paused": self._paused,
            "over": session.over,
            "exercise": BRIEF if self.secret else None,
            "finished": self.finished,
            "verdict": self.verdict,
        }

    def _shown(self) -> tuple[Cause, ...]:
        """Return the causes that viewers may see."""
        scenario = self.session.script.scenario
        return scenario.actions if self.secret and not self.finished else scenario.causes

    def _cause(self, cause: Cause) -> dict[str, Any]:
        """Describe a cause, when it acts as far as known, and on which services and edges."""
        session, targets = self.session, cause.all_targets
        window = session.simulation.acted(cause)
        return {
            "id": cause.id,
            "what": "background" if cause in session.script.scenario.background else cause.what,
            "kind": cause.kind,
            "on": ", ".join(map(str, targets)),
            "from": round(window.start, 3),
            "to": round(min(window.end, session.simulation.scenario.length), 3),
            "services": list(dict.fromkeys(each.service for each in targets if each.service and not each.callee)),
            "edges": [[each.service, each.callee] for each in targets if each.callee],
        }
