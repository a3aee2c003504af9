"""All users of a mesh: its populations, and surges and dips of all of them or of those at one entry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from meshquake.sim.engine.call import Call
from meshquake.sim.engine.call_site import CallSite
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment as Clock
from meshquake.sim.engine.tape import SCATTERED
from meshquake.sim.environment.calendar import Calendar
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.sim.journal import Journal
from meshquake.sim.users.arrivals import Level
from meshquake.sim.users.blocks import Blocks
from meshquake.sim.users.levels import both_levels, level_of
from meshquake.sim.users.open import OpenUsers
from meshquake.sim.users.replayed import COPIES, Replayed
from meshquake.sim.users.visitors import Visitors
from meshquake.topology.addresses import address
from meshquake.topology.environment import CALM, Environment
from meshquake.topology.numbering import BLOCK_BITS, MOST_BLOCKS, SURGE_BITS, block_of
from meshquake.topology.replay import Replay
from meshquake.topology.spec import Workload
from meshquake.topology.users import USUAL, Population

#: How many blocks of numbers there are for surges of the workload's own users.
_SURGES = 2**20
#: Requests of populations are numbered in blocks above those: from here on where numbers follow one another in time,
#: and from `SCATTERED` on for users who wait for their answers.
_IN_ORDER = 2**61


class Crowds:
    """The users of a workload.

    Parameters
    ----------
    env, engine, journal, seed
        The clock, the call engine, where notes go, and the seed of every draw.
    workload
        Who they are.
    roots
        The call sites of the entry operations, by name.
    end
        When they stop coming (simulated seconds).
    clock
        When the recording begins, in seconds since midnight on a Monday.
    environment
        Its users fluctuate: all populations together, except those that follow a file.

    Attributes
    ----------
    open
        The workload's own users, who come whatever happens to other requests, by entry operation.
    calendars
        When requests come, by entry operation.
    """

    def __init__(
        self,
        env: Clock,
        engine: CallEngine,
        journal: Journal,
        seed: int,
        workload: Workload,
        roots: Mapping[str, CallSite],
        end: float,
        clock: float,
        environment: Environment = CALM,
    ) -> None:
        self._env = env
        self._engine = engine
        self._journal = journal
        self._seed = seed
        self._roots = roots
        self._end = end
        self._pace = Fluctuating(seed, "arrivals", environment.users) if environment.users else None
        self.calendars = {name: Calendar(self._pace) for name in roots}
        usual = workload.usual()
        self.open = {
            name: OpenUsers(
                env, engine, seed, root, usual.get(name, 0.0), end, pace=self._pace, calendar=self.calendars[name]
            )
            for name, root in roots.items()
        }
        self._others: list[OpenUsers] = []
        self._visitors: list[tuple[Population, Visitors, Level | None]] = []
        self._replayed: list[tuple[Population, Replayed]] = []
        #: Who is told when a request is over, by the block of its number.
        self._waiting: dict[int, Visitors] = {}
        self._surges = Blocks(seed, "surge", _SURGES)
        self._blocks = Blocks(seed, "population", MOST_BLOCKS)
        for population in workload.populations:
            if population.name != USUAL:
                self._bring(population, level_of(population.over_time, seed, population.name, clock, end))

    def in_order(self, entry: str) -> float:
        """Return the requests per second of an entry whose numbers follow one another in time."""
        rate = sum(users.rate for users in (self.open[entry], *self._others) if users.entry == entry)
        replays = [each.replay for each, _ in self._replayed if each.replay is not None]
        return rate + sum(replay.counts.get(entry, 0) / max(replay.length, 1.0) for replay in replays)

    def surge(
        self, name: str, entry: str | None, extra: float, level: Level | None, end: float, of: str | None = None
    ) -> None:
        """Let `extra` times the usual number of users come in addition until `end`, at one entry or at all.

        If `extra` is negative, that share stays away. With `of`, only that population surges.
        """

        def is_meant(population: Population) -> bool:
            return of in (None, population.name) and (entry is None or population.comes_in_at(entry))

        for users in (*self.open.values(), *self._others):
            if entry in (None, users.entry) and of in (None, users.name):
                called = name if users.name == USUAL else f"{users.name} {name}"
                first = (1 + self._surges.of(called)) << SURGE_BITS if extra > 0 else 0
                users.surge(called, first, extra, level, end)
        for population, visitors, own in self._visitors:
            if is_meant(population):
                if extra < 0:
                    visitors.dip(-extra, level, end)
                elif extra > 0:
                    called = f"{population.name} surge {name}"
                    until = min(end, self._end)
                    self._visit(population, called, self._env._now, until, both_levels(level, own), extra)
        for population, replayed in self._replayed:
            if is_meant(population):
                first = self._block(f"{population.name} surge {name}")
                self._note(population.replay, first, COPIES)
                replayed.surge(first, extra, level, min(end, self._end))

    def _bring(self, population: Population, level: Level | None) -> None:
        """Start a population."""
        env, engine, seed, end = self._env, self._engine, self._seed, self._end
        if population.replay is not None:
            first, key = self._block(population.name), address(seed, "replay", population.name)
            replay, journal = population.replay, self._journal
            replayed = Replayed(env, engine, key, self._roots, replay, first, level, end, journal)
            self._replayed.append((population, replayed))
            self._note(replay, first, 1)
        elif population.answers_matter:
            visitors = self._visit(population, population.name, 0.0, end, level, 1.0)
            self._visitors.append((population, visitors, level))
        else:
            assert population.rate is not None
            first, total = self._block(population.name), sum(entry.weight for entry in population.mix)
            for entry in population.mix:
                rate = population.rate * entry.weight / total
                root = self._roots[str(entry)]
                calendar = self.calendars[str(entry)]
                name, pace = population.name, self._pace
                users = OpenUsers(env, engine, seed, root, rate, end, name, first, level, pace, calendar)
                self._others.append(users)

    def _note(self, replay: Replay | None, first: int, numbers: int) -> None:
        """Note when requests of a file come; each takes up `numbers` numbers, from `first` on."""
        assert replay is not None
        rate = sum(replay.counts.values()) / max(replay.length, 1.0)
        for entry in replay.counts:
            self.calendars[entry].note(first, numbers * rate, 0.0)

    def _visit(
        self, population: Population, name: str, begin: float, end: float, level: Level | None, share: float
    ) -> Visitors:
        first = self._block(name, SCATTERED)
        make = partial(Visitors, self._env, self._engine, self._seed, name, population, self._roots, first)
        visitors = self._waiting[block_of(first)] = make(begin, end, level, self._left, share, self._pace)
        for entry in population.entries:
            self._roots[entry].ingress.on_over = self._over
        return visitors

    def _block(self, name: str, first: int = _IN_ORDER) -> int:
        """Return the first number of a population's block, or of a surge's."""
        return first + (self._blocks.of(name) << BLOCK_BITS)

    def _left(self, call: Call) -> None:
        """Note that a user stopped waiting for a request: the service that has it sees the connection closed."""
        service = call.site.service
        operation = list(service.operations)[call.site.operation]
        self._journal.note("client_closed", service, replica=call.replica, call=call, operation=operation)

    def _over(self, call: Call) -> None:
        visitors = self._waiting.get(block_of(call.number))
        if visitors is not None:
            visitors.over(call)
