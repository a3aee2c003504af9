"""Log lines that processes write on their own: pool statistics, garbage collections, checkpoints, probes, heartbeats.

Each process writes each line of its stack's catalogue on its own schedule, or when it runs the job that the line is
about. The draws are addressed by the seed, the
process, the line and how often it was written before. Writing changes nothing: it reads the replica as it is at that
moment. Services without a stack write nothing.

The draws of a process are its own: the one that is started after it says other things at other times. A value with `#`
belongs to the service, such as a setting or the number of something that does not change: all its processes name the
same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf, log
from typing import TYPE_CHECKING, Any

from meshquake.sim.lifecycle.vitals import VITALS
from meshquake.sim.telemetry.hosts.pods import pod, pod_address
from meshquake.sim.telemetry.logs.callees import among, callee
from meshquake.sim.telemetry.logs.catalogue import FIELD, LogText, Talk, Voice, chatter, startup
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


@dataclass(frozen=True, slots=True)
class _Moment:
    """The next time that one incarnation of a process writes one line."""

    replica: Replica
    life: int
    talk: Talk
    key: int
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
        self._topology = topology
        self._placement = Placement(topology)
        self.heard = True

    def begin(self, replica: Replica) -> None:
        """Schedule the lines of a replica's process, which starts now or, if it is up, has been running for long."""
        voice = Voice.of(replica.service.spec)
        if not self.heard or (not voice.stack and not voice.words.chatter):
            return
        now, spec, life = self._env._now, replica.service.spec, replica.incarnation
        up = now
        called = {callee(edge.callee.spec) for edge in replica.service.edges.values()}
        if not replica.up:
            up += spec.startup
            for each in startup(voice):
                if each.killed in (None, replica.killed) and among(each.calls, called):
                    self._env.call_at(now + each.at * spec.startup, self._start, (replica, life, each.log))
        jobs = {job.name for job in self._topology.environment.jobs_of(spec.name, spec.kind)}
        for talk in chatter(voice):
            if talk.every < inf and talk.job not in jobs and among(talk.calls, called):
                key = self._key("chatter", replica, talk.name)
                first = up + uniform(key, 0) * talk.every
                # It was written before this recording, too.
                number = 1 + int(max(0.0, -replica.born) / talk.every) if replica.up else 1
                self._env.call_at(first, self._say, _Moment(replica, life, talk, key, number))

    def work(self, replica: Replica, job: str, number: int) -> bool:
        """Write the lines that a run of a job has in the words of the replica's stack; `number` is that of the run.

        Returns whether there are such lines.
        """
        own = [talk for talk in chatter(Voice.of(replica.service.spec)) if talk.job == job]
        for talk in own if self.heard else ():
            self._speak(_Moment(replica, replica.incarnation, talk, self._key("job", replica, talk.name), number))
        return bool(own)

    def _start(self, said: tuple[Replica, int, LogText]) -> None:
        replica, life, text = said
        if self.heard and replica.incarnation == life and replica.born < inf and not replica.leaving:
            self._write(replica, text, self._key("startup lines", replica), 0)

    def _say(self, moment: _Moment) -> None:
        replica, talk, env = moment.replica, moment.talk, self._env
        if not self.heard or replica.incarnation != moment.life or not replica.up:
            return
        u = self._speak(moment)
        wait = talk.every * (1 + _LATE * u) if talk.regular else max(-log(1 - u), 1e-3) * talk.every
        following = _Moment(replica, moment.life, talk, moment.key, moment.number + 1)
        env.call_at(env._now + wait, self._say, following)

    def _speak(self, moment: _Moment) -> float:
        """Write lines, or let them be written when their time comes; return the draw that says how long they take."""
        env, u = self._env, uniform(moment.key, moment.number)
        fails = moment.talk.probe and moment.replica.failures > 0
        for after, text in () if fails else moment.talk.lines:
            if after:
                env.call_at(env._now + after * (1 + _LONGER * u), self._go_on, (moment, text, env._now))
            else:
                self._write(moment.replica, text, moment.key, moment.number)
        return u

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
        read = VITALS.get(name)
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
            case "peer" | "peer_ready":
                others = list(replica.service.edges.values())
                if not others:
                    return None
                edge = others[int(uniform(key, number, _word("peer")) * len(others))]
                return edge.spec.callee if name == "peer" else len(edge.callee.ready)
        rule = Rule.of(name)
        if rule.of_code:
            key, number = address(self._seed, "settings", replica.service.spec.name) % 2**64, 0
        return rule.at(uniform(key, number, rule.purpose % 2**32))

    def _key(self, purpose: str, replica: Replica, *parts: str) -> int:
        """Return the key of the draws of a replica's process for one purpose.

        The process is told from those before it by when it began, in milliseconds: how many there were depends on what
        else happens.
        """
        return address(self._seed, purpose, replica.name, round(replica.born * 1000), *parts) % 2**64


@cache
def _pieces(text: str) -> tuple[str, ...]:
    return tuple(FIELD.split(text))


@cache
def _word(name: str) -> int:
    return address(0, "chatter", name) % 2**32


#: The names of values that a line may contain.
NAMES = (*VITALS, "requests", "pod", "pod_address", "address", "node", "peer", "peer_ready", "since_s", "nth")
