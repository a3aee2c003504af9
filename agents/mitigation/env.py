"""An incident as an environment for reinforcement learning, by the interface of Gymnasium (https://gymnasium.farama.org).

Use it like this::

    from meshquake.agents.mitigation.env import MitigationEnv

    env = MitigationEnv("cascade")
    observation, info = env.reset(seed=7)
    over = False
    while not over:
        observation, reward, over, _, info = env.step(env.action_space.sample())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, SupportsInt

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from meshquake.agents.mitigation.answers import Known
from meshquake.agents.mitigation.choices import Choice, choices
from meshquake.agents.mitigation.figures import OF_USERS
from meshquake.agents.mitigation.ledger import Ledger, Usual
from meshquake.agents.mitigation.live_incident import LiveIncident, edges_of, loaded
from meshquake.agents.tools.tool import ToolError
from meshquake.exporters.live import exercise
from meshquake.faults.loader import Options
from meshquake.sim.live.second import OF_EDGES, OF_SERVICES
from meshquake.sim.simulation import Simulation
from meshquake.topology.addresses import address
from meshquake.truth.remedies import Mitigation

Observation = dict[str, Any]
#: Value in an observation where there is nothing to measure; no figure is negative.
NOTHING: Final = -1.0
#: Number of incidents whose outcomes without faults are cached.
_REMEMBERED: Final = 16


class MitigationEnv(gymnasium.Env[Observation, np.int64]):
    """Episodes of an incident, in which each step takes an action, or none, and lets some seconds pass.

    **Observation**: a dict of float32 arrays, with -1 where there is nothing to measure. For S services, E edges and M
    entry operations of the mesh, in its order (`services`, `edges`, `entries`):

    - `time`, (2,): simulated seconds played, and left;
    - `users`, (5,): `figures.OF_USERS`, that is requests a second, errors in percent, p50, p95 and p99 in ms;
    - `services`, (S, 9): `sim.live.second.OF_SERVICES`, metrics in the units of the catalogue (docs/records.md);
    - `edges`, (E, 5): `sim.live.second.OF_EDGES`, calls a second, those that failed, further attempts, timeouts, and
      the breaker (0 closed, 1 half open, 2 open);
    - `alerts`, (1 + M,): 1 where the SLO of users is broken, over all entries, and for each.

    Figures cover the seconds of the step (`figures.Stretch`).

    **Action**: an index into `choices`; 0 waits. An action that can't be done (on a replica that is gone, for example)
    does nothing, and `info["refused"]` says why.

    **Reward**: minus the number of users' requests that became known in the step to be harmed, that is, bad, but good
    in the same run without faults and actions. The last step adds requests that were never made. The sum over an
    episode is minus its harm as in `truth.relief.harm_of`; doing nothing gives the harm of the incident.

    **Episode**: one play of the scenario, from `begin` to the end of its recording; the last step ends it
    (`terminated`), and none is truncated. `reset(seed=N)` plays the incident of that seed. `reset()` plays the next
    incident derived from the last given seed or, without `vary`, the same one again.

    Parameters
    ----------
    scenario
        A scenario file, or the name of a shipped scenario; None for a hidden fault drawn from the seed, as in
        `live --exercise`.
    options
        Overrides of the scenario's settings. Their seed is not used.
    step
        Simulated seconds in a step, a whole number.
    begin
        Simulated seconds that are played without actions before an episode begins. Harm until then counts in the first
        step.
    offered
        The actions; None for `choices.choices` of the mesh.
    vary
        Whether `reset()` without a seed moves on to another incident.

    Raises
    ------
    ValueError
        If `step` or `begin` is invalid.
    topology.problems.DocumentError
        With all problems of the scenario or its mesh.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - part of Gymnasium's interface

    def __init__(
        self,
        scenario: str | Path | None = "cascade",
        *,
        options: Options | None = None,
        step: int = 5,
        begin: int = 0,
        offered: Sequence[Choice] | None = None,
        vary: bool = True,
    ) -> None:
        for name, value, least in (("step", step, 1), ("begin", begin, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of seconds, at least {least}, not {value!r}")
        self._scenario, self._options = scenario, options or Options()
        self._step, self._begin, self._vary = step, begin, vary
        self._seed = self._episode = self._told = 0
        self._usual = lru_cache(maxsize=_REMEMBERED)(self._usual_of)
        self._incident: LiveIncident | None = None
        first = self._first()
        topology = first.topology
        self.services = tuple(service.name for service in topology.services)
        self.edges = edges_of(first)
        self.entries = tuple(f"{entry.service}.{entry.operation}" for entry in topology.workload.mix)
        self.choices = tuple(offered) if offered is not None else choices(topology)
        self.action_space = spaces.Discrete(len(self.choices))
        self.observation_space: spaces.Dict = spaces.Dict(
            {
                "time": _box(2, low=0.0),
                "users": _box(len(OF_USERS)),
                "services": _box(len(self.services), len(OF_SERVICES)),
                "edges": _box(len(self.edges), len(OF_EDGES)),
                "alerts": spaces.Box(0.0, 1.0, (1 + len(self.entries),), np.float32),
            }
        )

    @property
    def incident(self) -> LiveIncident:
        """The incident of this episode; raises ResetNeeded before the first one."""
        if self._incident is None:
            raise gymnasium.error.ResetNeeded("no episode has begun: reset it first")
        return self._incident

    # -- the interface ------------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; `options` is ignored."""
        super().reset(seed=seed)
        if seed is not None:
            self._seed, self._episode = seed, 0
        elif self._vary:
            self._episode += 1
        self._play(address(self._seed, "episode", self._episode) % 2**31 if self._episode else self._seed)
        self.incident.wait(max(1, self._begin))
        return self._observed(max(1, self._begin)), self._info()

    def step(self, action: SupportsInt) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take an action, and let the time of a step pass; raises ValueError if it is none of `choices`."""
        if not self.action_space.contains(action):
            raise ValueError(f"action must be a whole number from 0 to {len(self.choices) - 1}, not {action!r}")
        choice, refused = self.choices[int(action)], ""
        if self.incident.over:
            raise gymnasium.error.ResetNeeded("the episode is over: reset it first")
        if choice.remedy != "wait":
            try:
                self.incident.act(choice.remedy, **choice.arguments)
            except ToolError as error:
                refused = str(error)
        begin = self.incident.now
        self.incident.wait(self._step)
        over = self.incident.over
        harm = self._ledger.harmed + (self._ledger.unmade if over else 0)
        reward, self._told = float(self._told - harm), harm
        seconds = max(1, round(self.incident.now - begin))
        return self._observed(seconds), reward, over, False, self._info() | ({"refused": refused} if refused else {})

    def marks(self) -> Mitigation:
        """End the episode, and compare it with doing nothing and with the best single remedy."""
        return self.incident.finish()

    # -- internals ----------------------------------------------------------------------------------------------------

    def _first(self) -> Simulation:
        """Return a run of the scenario, to read its mesh."""
        options = replace(self._options, seed=0)
        return Simulation.of(exercise.draw(options, 0) if self._scenario is None else loaded(self._scenario, options))

    def _play(self, seed: int) -> None:
        """Open the incident of a seed."""
        settings: dict[str, Any] = {"seed": seed, "options": self._options, "takes": 0, "on_known": self._hear}
        if self._scenario is None:
            self._incident = LiveIncident.hidden(**settings)
        else:
            self._incident = LiveIncident.of(self._scenario, **settings)
        self._ledger = Ledger(self._usual(seed))
        self._told = 0

    def _usual_of(self, seed: int) -> Usual:
        run = self.incident.simulation
        return Usual.of(run.without([fault.id for fault in run.scenario.faults]))

    def _hear(self, known: Known) -> None:
        self._ledger.take(known)

    def _observed(self, seconds: int) -> Observation:
        incident = self.incident
        stretch = incident.stretch(seconds)
        firing = {alert.entry for alert in incident.firing}
        return {
            "time": np.array([incident.now, incident.left], dtype=np.float32),
            "users": _plain(stretch.users),
            "services": _plain(stretch.services),
            "edges": _plain(stretch.edges),
            "alerts": np.array([entry in firing for entry in ("", *self.entries)], dtype=np.float32),
        }

    def _info(self) -> dict[str, Any]:
        return {
            "seed": self.incident.script.scenario.seed,
            "now": round(self.incident.now, 3),
            "requests": self._ledger.requests,
            "harmed": self._ledger.harmed,
        }


def _box(*shape: int, low: float = NOTHING) -> spaces.Box:
    return spaces.Box(low, np.inf, shape, np.float32)


def _plain(figures: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.nan_to_num(figures, nan=NOTHING)
