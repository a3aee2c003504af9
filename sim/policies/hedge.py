"""Hedging at run time: a caller that has waited long enough sends the call again, and takes the first answer.

Dean and Barroso, "The Tail at Scale" (2013); the rules are those of gRPC's `hedgingPolicy` (gRFC A6). The attempts at a
call are a race. The first success wins it. A fatal error loses it at once; after a non-fatal one the next attempt is
sent immediately. Attempts still under way at the end are withdrawn; their callees go on unless callers cancel on this
edge.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING

from meshquake.sim.engine.call import HEDGE, OUTRUN, Race
from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.timeout import Timeout
from meshquake.topology import policies
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.engine import CallEngine
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.policies.context import Maker, PolicyContext

#: How many of the latest calls a percentile is taken over, and after how many of them it is updated.
_MEMORY = 1000
_STRIDE = 100
_TIMEOUT = CODES["timeout"]


class Hedge(CallerPolicy):
    """The hedging of one caller replica and edge."""

    __slots__ = ("_delay", "_due", "_engine", "_env", "_forgiven", "_policy", "_since", "_times", "_watch")

    def __init__(self, policy: policies.Hedge, env: Environment, engine: CallEngine) -> None:
        self._policy = policy
        self._env = env
        self._engine = engine
        #: Waits of one length end in order, so one timer serves them all.
        self._watch = None if policy.percentile else Timeout(env, policy.delay, self._on_due)
        self._forgiven = frozenset(CODES[name] for name in policy.non_fatal)
        #: How long to wait for an answer before the next attempt, in seconds.
        self._delay = policy.delay
        #: How long the latest first attempts took, if the delay is a percentile of these times.
        self._times: deque[float] = deque(maxlen=_MEMORY)
        self._since = 0
        self._due = self._on_due

    def admit(self, call: Call, now: float) -> int:
        """Enter an attempt into its race, and schedule the next one in case there is no answer by then."""
        race = None if call.former is None else _race(call.former)
        if race is None:
            call.race = Race(call)
        else:
            call.race = race
            call.notes |= HEDGE
            race.running.append(call)
            race.last = call
        if call.attempt < self._policy.max_attempts:
            if self._watch is not None:
                self._watch.admit(call, now)
            else:
                self._env.call_at(now + self._delay, self._due, call)
        return PASS

    def decides(self, call: Call, now: float) -> bool:
        """Whether an attempt's result ends the race."""
        race = _race(call)
        if race is None:
            return True
        race.running.remove(call)
        if call.former is None and call.result in (SUCCESS, _TIMEOUT):
            self._learn(call, now)
        if call.result in self._forgiven:
            # The attempt made now may have ended already, and the race with it.
            if self._follow(race.last, now) or race.running:
                call.notes |= OUTRUN
                return False
            return True
        for other in list(race.running):
            if other.former is None:
                self._learn(other, now)
            self._engine.withdraw(other)
        return True

    def withdrawn(self, call: Call, now: float) -> None:
        """Take an attempt out of the race."""
        race = _race(call)
        if race is not None:
            race.running.remove(call)

    def _on_due(self, call: Call) -> None:
        """Make another attempt, if the race goes on and this is still the latest one."""
        race, parent = call.race, call.parent
        assert parent is not None
        if race.running and race.last is call and parent.finished < 0.0:
            self._follow(call, self._env._now)

    def _follow(self, last: Call, now: float) -> bool:
        """Make another attempt after the last one; return whether it was made."""
        last.next_at = now
        parent, edge = last.parent, last.site.edge
        assert parent is not None and parent.replica is not None and edge is not None
        if parent.replica.callers[edge.index].decider is not self:
            return False  # the settings of the edge have changed meanwhile
        if last.attempt >= self._policy.max_attempts or not self._engine.may_follow(last):
            return False
        self._engine.send(parent, last.site, last.attempt + 1, last)
        return True

    def _learn(self, first: Call, now: float) -> None:
        """Record how long a first attempt took, or has taken by now: one that lost its race was slow, too.

        Without those the delay would follow only what is fast, and fall until most calls are hedged. Attempts that
        failed say little, since failures are often fast (both as in Finagle's `BackupRequestFilter`).
        """
        percentile = self._policy.percentile
        if percentile is None:
            return
        self._times.append(now - first.sent)
        self._since += 1
        if self._since == _STRIDE:
            self._since = 0
            self._delay = sorted(self._times)[ceil(part(percentile, len(self._times))) - 1]


def _race(call: Call) -> Race | None:
    """Return the race that an attempt takes part in; None if it was made when its edge had no hedges."""
    return getattr(call, "race", None)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The hedging of an edge, for each replica of the caller."""
    policy = edge.spec.hedge
    if policy is None:
        return None
    return lambda replica, warm: Hedge(policy, context.env, context.engine)
