"""A live incident without a page: an agent observes, acts, lets time pass, and learns the effect in the end.

Use it like this::

    from meshquake.agents.mitigation import LiveIncident

    incident = LiveIncident.of("cascade", seed=7)
    incident.until_alert()
    print(incident.observe()["alerts"])
    incident.act("toggle_flag", target="database")
    incident.wait(60)
    print(incident.finish().averted)

Actions become part of the scenario, by the same code as in `live`: the same actions at the same simulated times give
the same run, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Final

import polars as pl

from meshquake.agents.mitigation.alerts import Alerts
from meshquake.agents.mitigation.answers import Answers, Known
from meshquake.agents.mitigation.figures import Stretch
from meshquake.agents.mitigation.remedies import remedy
from meshquake.agents.tools.tool import ToolError
from meshquake.exporters.live import exercise
from meshquake.exporters.live.doing import do
from meshquake.exporters.live.steering import Refused
from meshquake.faults import loader
from meshquake.faults.loader import LoadedScenario, Options
from meshquake.sim.live.script import Script
from meshquake.sim.live.session import REMEMBERED, Session
from meshquake.sim.records import Batch
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.events import event_frame
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.tables import Tables
from meshquake.topology.units import shown
from meshquake.truth.remedies import Mitigation, mitigation

#: Simulated seconds that applying a remedy takes, during which nothing else can be done.
TAKES: Final = 10
#: Most events in an observation; the latest are shown.
_EVENTS: Final = 50


@dataclass(frozen=True)
class Done:
    """A remedy that was applied: its name, its arguments, and when (simulated seconds)."""

    remedy: str
    arguments: dict[str, Any]
    at: float


class LiveIncident:
    """One play of a scenario by an agent who may mitigate its incident.

    Parameters
    ----------
    incident
        The scenario and its mesh. Its own actions are left out: the agent acts instead.
    options
        The options that it was loaded with.
    takes
        Simulated seconds that pass with each remedy, a whole number.
    on_batch
        Called with the records of the run as they settle; without it, no records are made.
    on_known
        Called each second with the requests of users whose outcomes became known.

    Attributes
    ----------
    script
        The scenario so far, including the hidden fault and all actions.
    done
        The remedies applied so far.
    closed
        Whether the agent has declared itself done.
    finished
        The effect of the actions; None before `finish`.
    """

    def __init__(
        self,
        incident: LoadedScenario,
        options: Options,
        *,
        takes: int = TAKES,
        on_batch: Callable[[Batch], None] | None = None,
        on_known: Callable[[Known], None] | None = None,
    ) -> None:
        if incident.scenario.actions:
            incident = Script(incident, options).with_actions([])
        self._events: list[Any] = []
        self._session = Session(incident, options, on_batch=on_batch, on_cut=self._take, recorded=on_batch is not None)
        simulation = self._session.simulation
        self.script = self._session.script
        self.done: list[Done] = []
        self.closed = False
        self.finished: Mitigation | None = None
        self._takes = takes
        self._on_known = on_known
        self._tables = Tables(simulation.mesh, simulation.start)
        self._answers = Answers(simulation)
        self._alerts = Alerts(simulation.topology, simulation.scenario.length)

    @classmethod
    def of(
        cls, scenario: str | Path, *, options: Options | None = None, seed: int = 42, **settings: Any
    ) -> LiveIncident:
        """Open a scenario file, or a shipped scenario by its name.

        Parameters
        ----------
        scenario
            The file or the name.
        options
            Overrides of its settings.
        seed
            The seed of all draws.
        settings
            See `LiveIncident`.

        Raises
        ------
        topology.problems.DocumentError
            With all problems of the scenario or its mesh.
        """
        chosen = replace(options or Options(), seed=seed)
        return cls(loaded(scenario, chosen), chosen, **settings)

    @classmethod
    def hidden(cls, *, seed: int, options: Options | None = None, **settings: Any) -> LiveIncident:
        """Open an incident with a fault drawn from the seed, as in `live --exercise`: felt soon, and not disclosed.

        Parameters are those of `of`. Also raises `exporters.live.exercise.NoExerciseError` if users feel none.
        """
        chosen = replace(options or Options(), seed=seed)
        return cls(exercise.drawn(chosen), chosen, **settings)

    # -- the present --------------------------------------------------------------------------------------------------

    @property
    def simulation(self) -> Simulation:
        """The run, for reading only."""
        return self._session.simulation

    @property
    def now(self) -> float:
        """The current time in simulated seconds: everything before it has happened."""
        return min(self._session.now, self.length)

    @property
    def length(self) -> float:
        """Length of the recording in simulated seconds."""
        return self.simulation.scenario.length

    @property
    def left(self) -> float:
        """The rest of the recording, in simulated seconds."""
        return self.length - self.now

    @property
    def over(self) -> bool:
        """Whether nothing can be done any more: the recording has ended, or the agent has declared itself done."""
        return self._session.over or self.closed

    # -- letting time pass --------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass: simulated seconds, rounded up to whole ones, but no more than are left of the recording.

        Raises ToolError if `seconds` is invalid or the incident is over.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds) or seconds <= 0:
            raise ToolError(f"seconds: must be a number above 0, not {shown(seconds)}")
        self._refuse_over()
        self._pass(min(seconds, self.length))

    def until_alert(self) -> bool:
        """Let time pass until an alert fires; returns whether one does before the recording ends."""
        while not self._alerts.firing and not self.over:
            self._pass(1)
        return bool(self._alerts.firing)

    def _pass(self, seconds: float) -> None:
        until = self.now + seconds
        while not self._session.over and self._session.now < until - 1e-9:
            self._session.play()

    def _take(self, cut: Cut) -> None:
        """Process the end of a second."""
        self._events += cut.events
        known = self._answers.take(cut, self._session.now)
        self._alerts.take(known, self.now)
        if self._on_known is not None:
            self._on_known(known)

    # -- acting -------------------------------------------------------------------------------------------------------

    def act(self, name: str, /, **arguments: Any) -> Done:
        """Apply a remedy at once, and let the time pass that it takes.

        Parameters
        ----------
        name
            One of `agents.mitigation.remedies.CONTROLS`, or `wait`.
        arguments
            Arguments of the remedy.

        Raises
        ------
        ToolError
            If it can't be applied, with all problems. Nothing has changed then, and no time has passed.
        """
        if name == "wait":
            begin = self.now
            self.wait(**arguments)
            return Done(name, arguments, begin)
        kind, keys = remedy(name, arguments)
        self._refuse_over()
        try:
            cause = do(self._session, "actions", kind, keys)
        except Refused as error:
            raise ToolError(*error.args) from None
        self.done.append(Done(name, arguments, self.script.scenario.window(cause).start))
        self._pass(self._takes)
        return self.done[-1]

    def _refuse_over(self) -> None:
        if self.over:
            raise ToolError("the incident is over: nothing can be done any more")

    # -- observing ----------------------------------------------------------------------------------------------------

    def stretch(self, seconds: int) -> Stretch:
        """Return the figures of the last seconds as arrays; ToolError before the first second."""
        if not self._session.seconds:
            raise ToolError("nothing has happened yet: let a second pass first")
        return Stretch.of(list(self._session.seconds)[-seconds:])

    def observe(self, seconds: int = 10) -> dict[str, Any]:
        """Return what dashboards show now, in plain values.

        Parameters
        ----------
        seconds
            Figures cover this many of the last seconds, from 1 to 600.

        Returns
        -------
        dict
            `now` and `left` (simulated seconds played, and to the end of the recording), `alerts` that fire, figures of
            `users`, `services` and `edges` (see `figures.Stretch`), and the `events` of those seconds, as records.

        Raises
        ------
        ToolError
            If there is nothing to show yet, or `seconds` is invalid.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= REMEMBERED:
            raise ToolError(f"seconds: must be a whole number from 1 to {REMEMBERED}, not {shown(seconds)}")
        topology = self.simulation.topology
        services = [service.name for service in topology.services]
        figures = self.stretch(seconds).as_json(services, edges_of(self.simulation))
        return {
            "now": round(self.now, 3),
            "left": round(self.left, 3),
            "alerts": [
                {"entry": alert.entry or "all", "since": alert.since, "bad_share": alert.share} for alert in self.firing
            ],
            **figures,
            "events": self.events(self.now - seconds).tail(_EVENTS).to_dicts(),
        }

    @property
    def firing(self) -> tuple[Any, ...]:
        """Alerts that fire now (`alerts.Alert`)."""
        return self._alerts.firing

    def events(self, since: float = 0.0) -> pl.DataFrame:
        """Return the events so far, as records, at or after `since` (simulated seconds)."""
        happened = [*self._events, *self.simulation.mesh.journal.events]
        return event_frame(self._tables, [each for each in happened if since <= each.time < self.now])

    # -- the end ------------------------------------------------------------------------------------------------------

    def scenario(self) -> str:
        """Return the scenario played so far as the text of a file; its first line says how to play it again."""
        scenario = self.script.scenario
        calm = " --calm" if scenario.calm else ""
        return f"# python run.py scenario FILE --seed {scenario.seed}{calm}\n{self.script.text}"

    def close(self) -> None:
        """Declare that nothing more will be done."""
        self.closed = True

    def finish(self) -> Mitigation:
        """Close the incident, play the run to its end, and return the effect of the actions."""
        self.close()
        if self.finished is None:
            self.finished = mitigation(self.script)
        return self.finished


def loaded(scenario: str | Path, options: Options) -> LoadedScenario:
    """Load a scenario file, or a shipped scenario by its name, with its mesh. Raises what `LiveIncident.of` raises."""
    return loader.load(loader.shipped().get(str(scenario), Path(scenario)), options)


def edges_of(simulation: Simulation) -> tuple[str, ...]:
    """Return the names of the edges of a run, in the order of its figures."""
    return tuple(f"{edge.caller.spec.name} -> {edge.callee.spec.name}" for edge in simulation.mesh.edges)
