"""Log lines that processes write on their own: pool statistics, garbage collections, checkpoints, probes, heartbeats.

Each process writes each line of its stack's catalogue on its own schedule. The draws are addressed by the seed, the
replica, the line and how often it was written before. Writing changes nothing: it reads the replica as it is at that
moment. Services without a stack write nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf, log
from typing import TYPE_CHECKING, Any

from meshquake.sim.policies.pool import Pool
from meshquake.sim.policies.sockets import clients, kept, pools_of
from meshquake.sim.telemetry.hosts.pods import pod, pod_address
from meshquake.sim.telemetry.logs.catalogue import FIELD, LogText, Talk, Voice, chatter, startup
from meshquake.sim.telemetry.requests import operation_words
from meshquake.sim.telemetry.requests.drawing import Rule
from meshquake.topology.addresses import address, uniform
from meshquake.topology.placement import Placement

if TYPE_CHECKING:
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.journal import Journal
    from meshquake.sim.lifecycle.past import Past
    from meshquake.topology.spec import Topology

#: How late a regular line may be, as a share of its interval: timers are late, never early.
_LATE = 0.002
#: How much longer a follow-up line may take than the catalogue says, as a share.
_LONGER = 0.6
_MIB = 2**20
#: Thresholds for reporting a blocked event loop (milliseconds) and short memory (percent of the limit).
_BLOCKED, _HIGH = 100.0, 85.0


@dataclass(frozen=True, slots=True)
class _Moment:
    """The next time that one incarnation of a process writes one line."""

    replica: Replica
    life: int
    talk: Talk
    key: int
    since: float
    number: int


class Chatter:
    """Writes the log lines of the processes of a cluster.

    Parameters
    ----------
    env, journal
        The clock, and where the lines go.
    topology, seed, past
        Those of the mesh.

    Attributes
    ----------
    heard
        Whether the lines are recorded. If not, none are written, and nothing else changes.
    """

    def __init__(self, env: Environment, journal: Journal, topology: Topology, seed: int, past: Past) -> None:
        self._env = env
        self._journal = journal
        self._seed = seed
        self._past = past
        self._placement = Placement(topology)
        self.heard = True

    def begin(self, replica: Replica) -> None:
        """Schedule the lines of a replica's process, which starts now or, if it is up, has been running for long."""
        voice = Voice.of(replica.service.spec)
        if not self.heard or (not voice.stack and not voice.words.chatter):
            return
        now, spec, life = self._env._now, replica.service.spec, replica.incarnation
        since = now
        if not replica.up:
            since += spec.startup
            for part, text in startup(voice):
                self._env.call_at(now + part * spec.startup, self._start, (replica, life, text))
        for talk in chatter(voice):
            key = address(self._seed, "chatter", replica.name, talk.name) % 2**64
            first = since + uniform(key, 0, _life(since)) * talk.every
            # It was written before this recording, too.
            number = 1 + int(max(0.0, -replica.born) / talk.every) if replica.up else 1
            self._env.call_at(first, self._say, _Moment(replica, life, talk, key, since, number))

    def _start(self, said: tuple[Replica, int, LogText]) -> None:
        replica, life, text = said
        if self.heard and replica.incarnation == life and replica.born < inf and not replica.leaving:
            self._write(replica, text, address(self._seed, "startup lines", replica.name) % 2**64, 0)

    def _say(self, moment: _Moment) -> None:
        replica, talk, env = moment.replica, moment.talk, self._env
        if not self.heard or replica.incarnation != moment.life or not replica.up:
            return
        u = uniform(moment.key, moment.number, _life(moment.since))
        for after, text in talk.lines:
            if after:
                env.call_at(env._now + after * (1 + _LONGER * u), self._go_on, (moment, text, env._now))
            else:
                self._write(replica, text, moment.key, moment.number)
        wait = talk.every * (1 + _LATE * u) if talk.regular else max(-log(1 - u), 1e-3) * talk.every
        following = _Moment(replica, moment.life, talk, moment.key, moment.since, moment.number + 1)
        env.call_at(env._now + wait, self._say, following)

    def _go_on(self, said: tuple[_Moment, LogText, float]) -> None:
        moment, text, began = said
        if moment.replica.incarnation == moment.life and moment.replica.up:
            self._write(moment.replica, text, moment.key, moment.number, self._env._now - began)

    def _write(self, replica: Replica, text: LogText, key: int, number: int, since: float = 0.0) -> None:
        """Write a line with current values, or nothing if it names a value that the replica lacks, such as a pool's."""
        pieces = list(_pieces(text.text))
        for place in range(1, len(pieces), 2):
            value = f"{since:.3f}" if pieces[place] == "since_s" else self._value(replica, pieces[place], key, number)
            if value is None:
                return
            pieces[place] = str(value)
        self._journal.say(replica, text, "".join(pieces))

    def _value(self, replica: Replica, name: str, key: int, number: int) -> Any:
        read = _VITALS.get(name)
        if read is not None:
            return read(replica, self._env._now)
        match name:
            case "pod":
                return pod(self._seed, replica, replica.version)
            case "node":
                return self._placement.node(replica.service.spec.name, replica.name)
            case "pod_address":
                return pod_address(self._placement, replica)
            case "address":  # where probes and scrapes come from: an address of the node
                return f"192.0.2.{1 + self._placement.position(replica.service.spec.name, replica.index)}"
            case "nth":
                return number
            case "requests":
                return replica.handled + self._past.answered(replica)
            case "peer":
                others = list(replica.service.edges)
                return others[int(uniform(key, number, _word("peer")) * len(others))] if others else None
        rule = Rule.of(name)
        return rule.at(uniform(key, 0 if rule.of_code else number, rule.purpose % 2**32))


def _life(since: float) -> int:
    """Return what tells the draws of one incarnation from those of another: when it began, in milliseconds."""
    return round(since * 1000)


@cache
def _pieces(text: str) -> tuple[str, ...]:
    return tuple(FIELD.split(text))


@cache
def _word(name: str) -> int:
    return address(0, "chatter", name) % 2**32


def _pool(read: Callable[[Pool], int]) -> Callable[[Replica, float], int | None]:
    """Return a reader of the first pool of a process."""

    def of(replica: Replica, now: float) -> int | None:
        pool = next((pool for state in replica.callers for pool in pools_of(state)), None)
        return None if pool is None else read(pool)

    return of


def _pool_peer(replica: Replica, now: float) -> str | None:
    return next((state.edge.spec.callee for state in replica.callers if pools_of(state)), None)


def _if(value: float, least: float) -> int | None:
    """Return the rounded value if it is worth reporting, None if it is below `least`."""
    return round(value) if value >= least else None


_VITALS: dict[str, Callable[[Replica, float], Any]] = {
    "service": lambda replica, _: replica.service.spec.name,
    "replica": lambda replica, _: replica.name,
    "version": lambda replica, _: replica.version,
    "package": lambda replica, _: operation_words.snake(operation_words.subject(replica.service.spec.name)),
    "class_name": lambda replica, _: operation_words.pascal(replica.service.spec.name),
    "workers": lambda replica, _: replica.service.spec.workers,
    "busy": lambda replica, _: replica.active,
    "idle": lambda replica, _: replica.free,
    "queued": lambda replica, _: len(replica.queue),
    "limit": lambda replica, _: replica.service.spec.queue.limit,
    "in_flight": lambda replica, _: sum(state.of_all_parts for state in replica.callers),
    "uptime_s": lambda replica, now: round(now - replica.born),
    "startup_s": lambda replica, _: f"{replica.service.spec.startup:.3f}",
    "memory_mib": lambda replica, _: round(replica.memory() / _MIB),
    "memory_limit_mib": lambda replica, _: round(replica.service.spec.memory.limit / _MIB),
    "memory_percent": lambda replica, _: f"{100 * replica.memory() / replica.service.spec.memory.limit:.1f}",
    "connections": clients,
    "kept": lambda replica, _: kept(replica),
    "loop_lag_ms": lambda replica, now: None if replica.loop is None else f"{1000 * replica.loop.lap(now):.2f}",
    "blocked_ms": lambda replica, now: None if replica.loop is None else _if(1000 * replica.loop.wait(now), _BLOCKED),
    "high_percent": lambda replica, _: _if(100 * replica.memory() / replica.service.spec.memory.limit, _HIGH),
    "pool_peer": _pool_peer,
    "pool_size": _pool(lambda pool: pool.size),
    "pool_in_use": _pool(lambda pool: pool.in_use),
    "pool_idle": _pool(lambda pool: pool.idle),
    "pool_waiting": _pool(lambda pool: pool.waiting),
}
#: The names of values that a line may contain.
NAMES = (*_VITALS, "requests", "pod", "pod_address", "address", "node", "peer", "since_s", "nth")
