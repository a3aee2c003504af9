"""Users who wait for their answers: they think, go on, lose patience, try again by hand, leave and come back.

What a user does next depends on how the mesh answered, so a fault changes which requests come later, and when. What
stays the same is who asks: a request and its draws are addressed by user, step and try. The third step of the fifth
user is the same request in every run of a seed, with the same work and the same cache hit or miss, whenever it is made.
So runs can be compared request by request even where they do not make the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from meshquake.sim.engine.call import ABANDONED, AWAITED, Call
from meshquake.sim.engine.call_site import CallSite
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.sim.users.arrivals import Arrivals, Dips, Level
from meshquake.sim.users.levels import both_levels
from meshquake.topology.addresses import address, uniform
from meshquake.topology.distributions import Constant, Distribution
from meshquake.topology.errors import SUCCESS
from meshquake.topology.numbering import most_steps, numbered
from meshquake.topology.users import Population

#: How often users who are away check whether they are back (seconds).
_LOOK: Final = 1.0
#: The shortest time between two requests of a user (seconds).
_LEAST: Final = 1e-5

#: Purposes of draws.
_THINK, _AWAY, _PATIENCE, _AGAIN, _PAUSE, _CHANCE, _CHOICE, _RETURN, _SPREAD = range(9)


class Visit:
    """Where a user stands: the session, the step, and the request under way."""

    __slots__ = ("asked", "done", "last", "number", "position", "session", "tries", "user")

    def __init__(self, user: int) -> None:
        self.user = user
        self.session = 0
        #: The position in the journey, and how often its request was tried before.
        self.position = 0
        self.tries = 0
        #: Steps of this session that succeeded.
        self.done: set[str] = set()
        #: The number of the request under way, and whether this session has made any.
        self.number = -1
        self.asked = False
        #: When the last request was made.
        self.last = -1.0


class Visitors:
    """A population whose users' next steps depend on the answers they get.

    Parameters
    ----------
    env, engine
        The clock, and the call engine.
    seed, name
        What addresses the draws of its users.
    population
        What they do.
    roots
        The call sites of the entry operations, by name.
    first
        The first number of their block (`topology.numbering`).
    begin, end
        When they come, and when they stop making requests (simulated seconds).
    level
        How many of them there are, as a share over time.
    on_left
        Called with each request that its user stops waiting for.
    share
        Multiplies the number of users of the population.
    pace
        How their number fluctuates: the arrivals of an open population, the users present of a closed one.
    """

    def __init__(
        self,
        env: Environment,
        engine: CallEngine,
        seed: int,
        name: str,
        population: Population,
        roots: Mapping[str, CallSite],
        first: int,
        begin: float,
        end: float,
        level: Level | None,
        on_left: Callable[[Call], None],
        share: float = 1.0,
        pace: Fluctuating | None = None,
    ) -> None:
        self._env = env
        self._enter = engine.enter
        self._population = population
        self._roots = roots
        self._first = first
        self._end = end
        self._level = level
        self._on_left = on_left
        self._keys = [address(seed, "users", name, purpose) for purpose in range(9)]
        self._length = max(1, len(population.journey))
        self._under_way: dict[int, Visit] = {}
        self._dips = Dips()
        total = sum(entry.weight for entry in population.mix)
        sums = np.cumsum([entry.weight / total for entry in population.mix])
        self._choices = [(float(upto), str(entry)) for upto, entry in zip(sums, population.mix, strict=True)]
        # Bound once, since each is scheduled often.
        self._ask_later = self._ask
        self._go_on_later = self._go_on
        self._lost = self._lose_patience
        self._arrivals: Arrivals | None = None
        self._users = 0
        if population.users is not None:
            # As many as there can ever be, of whom some stay away for now.
            most = 1.0 if pace is None else pace.most
            self._users = max(1, round(population.users * share * most))
            if pace is not None:
                self._level = both_levels(level, pace.share)
            for user in range(self._users):
                visit = Visit(user)
                # They do not all begin at the same moment.
                pause = self._time(population.think_time, _THINK, visit) * self._draw(_SPREAD, visit)
                env.call_at(begin + pause, self._go_on_later, visit)
        elif population.rate is not None:
            key = address(seed, "arrivals", name)
            self._arrivals = Arrivals(env, key, 0, population.rate * share, level, end, self._come, pace)

    def dip(self, depth: float, level: Level | None, end: float) -> None:
        """Let a share of them stay away until `end`."""
        dips = self._dips if self._arrivals is None else self._arrivals.dips
        dips.add(depth, level, end)

    def _come(self, user: int) -> None:
        """Start the visit of a new user of an open population."""
        self._go_on(Visit(user))

    # -- a session ----------------------------------------------------------------------------------------------------

    def _go_on(self, visit: Visit) -> None:
        """Move on to the next step to be made, after a pause unless it is the first."""
        population, journey = self._population, self._population.journey
        while visit.position < self._length:
            step = journey[visit.position] if journey else None
            made = step is None or (
                (not step.needs or step.needs in visit.done)
                and (step.chance >= 1.0 or self._draw(_CHANCE, visit) < step.chance)
            )
            if made:
                pause = self._time(population.think_time, _THINK, visit) if visit.asked else 0.0
                self._after(pause, visit)
                return
            visit.position += 1
        self._end_session(visit, False)

    def _after(self, pause: float, visit: Visit) -> None:
        if pause > 0.0:
            self._env.call_at(self._env._now + pause, self._ask_later, visit)
        else:
            self._ask(visit)

    def _ask(self, visit: Visit) -> None:
        """Make the request of the current step."""
        now = self._env._now
        if now >= self._end:
            return
        if not self._is_there(visit.user, now):
            self._env.call_at(now + _LOOK, self._ask_later, visit)
            return
        if now < visit.last + _LEAST:
            # With an instant answer and no pause after it, simulated time would stand still.
            self._env.call_at(visit.last + _LEAST, self._ask_later, visit)
            return
        visit.last = now
        number = visit.number = self._number(visit)
        visit.asked = True
        self._under_way[number] = visit
        request = self._enter(self._roots[self._entry(visit)], number)
        request.notes |= AWAITED
        patience = self._population.patience
        if patience is not None:
            wait = self._time(patience, _PATIENCE, visit)
            self._env.call_at(now + wait, self._lost, (visit, number, request))

    def over(self, call: Call) -> None:
        """Handle the end of a request."""
        visit = self._under_way.pop(call.number, None)
        if visit is None:
            return  # its user has left
        if call.outcome == SUCCESS:
            visit.done.add(self._entry(visit))
            self._next_step(visit)
        else:
            asked: float = getattr(call, "retry_after", 0.0) if self._population.obeys_retry_after else 0.0
            self._again(visit, self._population.retry, self._population.retry_after, asked)

    def _lose_patience(self, waiting: tuple[Visit, int, Call]) -> None:
        """Stop waiting for a request. The entry's access log shows it, and the work goes on."""
        visit, number, request = waiting
        if self._under_way.get(number) is not visit:
            return  # it was answered in time
        del self._under_way[number]
        request.notes |= ABANDONED
        self._on_left(request)
        self._again(visit, self._population.reload, Constant(0.0))

    def _again(self, visit: Visit, chance: float, pause: Distribution, least: float = 0.0) -> None:
        """Try again after a pause of at least `least`, or skip the step, or leave."""
        population = self._population
        if visit.tries + 1 < population.tries and self._draw(_AGAIN, visit) < chance:
            length = max(least, self._time(pause, _PAUSE, visit))
            visit.tries += 1
            self._after(length, visit)
        elif population.journey and population.journey[visit.position].optional:
            self._next_step(visit)
        else:
            self._end_session(visit, True)

    def _next_step(self, visit: Visit) -> None:
        visit.position += 1
        visit.tries = 0
        self._go_on(visit)

    def _end_session(self, visit: Visit, left: bool) -> None:
        """End the session; the user may come back, and in a closed population always does.

        Nobody comes back for a session whose requests would have no numbers left.
        """
        population = self._population
        visit.position, visit.tries = min(visit.position, self._length - 1), 0
        closed = population.users is not None
        if not closed and not (left and self._draw(_RETURN, visit) < population.returns):
            return
        if (visit.session + 2) * self._length > most_steps(visit.user + 1):
            return
        pause = self._time(population.away or population.think_time, _AWAY, visit)
        if not visit.asked:
            pause = max(pause, _LOOK)  # a user with nothing to do must not loop at one moment
        visit.session += 1
        visit.position = 0
        visit.done.clear()
        visit.asked = False
        if pause > 0.0:
            self._env.call_at(self._env._now + pause, self._go_on_later, visit)
        else:
            self._go_on(visit)

    # -- who, which and when ------------------------------------------------------------------------------------------

    def _is_there(self, user: int, now: float) -> bool:
        """Whether a user of a closed population is present now: those with low numbers stay longest."""
        if not self._users:
            return True
        share = self._dips.left(now) * (1.0 if self._level is None else self._level(now))
        return user < self._users * share

    def _entry(self, visit: Visit) -> str:
        """Return the operation that the user's current step requests."""
        if self._population.journey:
            return str(self._population.journey[visit.position])
        if len(self._choices) == 1:
            return self._choices[0][1]
        at = self._draw(_CHOICE, visit, tries=0)
        return next((name for upto, name in self._choices if at < upto), self._choices[-1][1])

    def _number(self, visit: Visit, tries: int | None = None) -> int:
        """Return the request number of the user's current step and try."""
        again = visit.tries if tries is None else tries
        return self._first + numbered(visit.user, visit.session * self._length + visit.position, again)

    def _draw(self, purpose: int, visit: Visit, tries: int | None = None) -> float:
        return uniform(self._keys[purpose], self._number(visit, tries))

    def _time(self, times: Distribution, purpose: int, visit: Visit) -> float:
        if isinstance(times, Constant):
            return times.value
        return float(times.quantile(np.array([self._draw(purpose, visit)]))[0])
