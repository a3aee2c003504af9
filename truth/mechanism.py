"""How a fault reached a user: for each request that it harmed, the path from the answer back to the cause.

The path is walked from the user's call downwards. A call that failed did so because of a call that it made, because of
its own work, or because it never got to work; a slow call lost most of its time, compared with the run without the
fault, at one of these. The walk goes on there. What is seen on the way are the steps of the mechanism, combined over
all requests.

A step is named for what took more time than in the run without the fault; without extra time there is no step. An
attempt that only this run makes is explained by the failure that it follows; its own time is compared with the attempt
that had the answer in the other run, each less the work and the network time that it drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.sim.engine.call import DECIDED, HEDGE, HIT, KEPT_AWAY, MISS, NEVER, PANICKED, RETRIED
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.engine.tape import BACK, OUT, WORK
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES, ERRORS, SUCCESS
from meshquake.truth.calls import Half, Row, Tree, caller_of

_OWN, SLOW_WORK, SATURATED, QUEUEING = ERRORS["internal"].mechanism, "slow work", "cpu saturation", "queueing"
THROTTLED, PAUSED = "cpu throttling", "process paused"
SLOW_ANSWER, POOL, DELAYED, LOSS = "slow answer", ERRORS["pool_timeout"].mechanism, "network delay", "packet loss"
MISSED, BACKED_OFF = "cache miss", "retry pause"
#: The effects of a caller's policies on the load of a callee. These steps go from caller to callee, unlike all others.
AMPLIFIED, HEDGED, EJECTED, PANIC = "retry amplification", "hedging", "outlier ejection", "panic routing"
OF_LOAD = (AMPLIFIED, HEDGED, EJECTED, PANIC)
#: Those of them that make a call take more attempts.
AMPLIFYING = (AMPLIFIED, HEDGED)
#: Waiting for a worker or a core while replicas that an autoscaler had asked for were not there yet.
LATE = "slow scale-up"
#: How a call's failure reached its caller, by the code of the client's error.
_NAMES = ["", *(error.mechanism for error in ERRORS.values())]
_FAILURES = [name for name in dict.fromkeys(_NAMES[1:]) if name not in (_OWN, SLOW_ANSWER)]

_OF_WORK = (SLOW_WORK, _OWN, SATURATED, THROTTLED, PAUSED, QUEUEING)
#: Every mechanism that a step may have.
MECHANISMS = (
    *(*_OF_WORK, DELAYED, LOSS, SLOW_ANSWER, *_FAILURES),
    *(MISSED, AMPLIFIED, LATE, BACKED_OFF, HEDGED, EJECTED, PANIC),
)
_DEPENDENCY, _TIMEOUT, _LOST, _RESET, _CANCELLED, _UNFINISHED = (
    CODES[name]
    for name in ("dependency_failed", "timeout", "connection_timeout", "connection_reset", "cancelled", "unfinished")
)
#: Codes of results that mean that the callee was overloaded.
_NO_ROOM = {CODES[name] for name in ("overloaded", "shed", "rate_limited")}
#: Time differences up to this many seconds are rounding.
_NOTHING = 1e-9
#: How many spans are kept as evidence of a step; the earliest ones are.
_EVIDENCE = 3
#: The key omits a step that a smaller share of the harmed requests took.
RARE = 0.01


@dataclass
class Step:
    """One step of a mechanism.

    `origin` is where it comes from and `reached` the service that it reaches, the same within a service; `onset`
    (simulated seconds) is when it first reached a caller, or when the queueing or the work that took too long first
    began; `evidence` holds times, request numbers and spans.
    """

    origin: str
    reached: str
    mechanism: str
    onset: float
    requests: int = 0
    evidence: list[tuple[float, int, Half]] = field(default_factory=list)


@dataclass
class _Passage:
    """The harmed requests that passed through a service: how many, and where they got stuck.

    `onset` is when the first of them left it, or was given up on (simulated seconds).
    """

    onset: float
    requests: int = 0
    beyond: dict[str, int] = field(default_factory=dict)


class Mechanism:
    """The mechanism of some faults, built up request by request.

    Parameters
    ----------
    mesh
        The mesh of the run as it was.
    faults
        The faults.
    since
        When the first of them begins (simulated seconds): calls that it holds up may have begun before.
    """

    def __init__(self, mesh: Mesh, faults: Sequence[Fault], since: float = 0.0) -> None:
        self._since = since
        self._sites = mesh.sites
        #: Rows refer to replicas by position in it; it grows while the mesh runs.
        self._incarnations = mesh.incarnations
        effects = [(target, fault.effect(1.0)) for fault in faults for target in fault.all_targets]
        #: What the faults do to the work itself, by service, operation and replica (None for all).
        self._work = {
            (target.service, target.operation, target.replica): what
            for target, effect in effects
            if (what := _on_work(effect))
        }
        #: Edges (caller, callee) on whose network a fault loses answers, and edges where it delays messages.
        self._mute = {(target.service, target.callee) for target, effect in effects if effect.mute}
        self._delayed = {(target.service, target.callee) for target, effect in effects if effect.delay}
        self._steps: dict[tuple[str, str, str], Step] = {}
        self._passages: dict[str, _Passage] = {}
        #: The effects of callers' policies on the load of callees, on the paths of harmed requests.
        self._of_load: dict[tuple[str, str, str], Step] = {}
        self.requests = 0

    def walk(self, fact: Tree, other: Tree) -> None:
        """Walk one harmed request's path; `other` is the request without the fault, empty if it is not made."""
        self.requests += 1
        #: The steps that this request has taken.
        self._seen: set[tuple[str, str, str]] = set()
        row, by_time = fact.root(self._sites), False
        self._number = row.number
        while True:
            below = self._at(row, by_time, fact, other)
            if below is None:
                break
            row, by_time = below

    def steps(self) -> list[Step]:
        """The steps in order of onset, without rare ones."""
        common = filter(self._is_common, self._steps.values())
        return sorted(common, key=lambda step: (step.onset, step.origin, step.reached, step.mechanism))

    def steps_of_load(self) -> list[Step]:
        """The effects of callers' policies on the load of callees that other steps come from, from caller to callee."""
        origins = {step.origin for step in self.steps()}
        return [step for step in self._of_load.values() if step.reached in origins and self._is_common(step)]

    def _is_common(self, step: Step) -> bool:
        """Whether the share of harmed requests that took a step is not rare."""
        return step.requests >= RARE * self.requests

    def passed(self) -> dict[str, int]:
        """How many harmed requests got stuck in or behind each service, without rare cases."""
        least = RARE * self.requests
        return {name: passage.requests for name, passage in self._passages.items() if passage.requests >= least}

    def onset(self, service: str) -> float:
        """When a service first held up or failed a harmed request, in simulated seconds."""
        return self._passages[service].onset

    def beyond(self, service: str) -> dict[str, int]:
        """How many of the harmed requests stuck behind a service got stuck at each of its callees."""
        return self._passages[service].beyond if service in self._passages else {}

    # -- one stop on the path -----------------------------------------------------------------------------------------

    def _at(self, row: Row, by_time: bool, fact: Tree, other: Tree) -> tuple[Row, bool] | None:
        """Look at a call's server half; returns the call below that explains it, if one does.

        With `by_time` its caller gave up on it, so what counts is where the time went, as it does if it never ended.
        """
        by_time = by_time or row.outcome == _UNFINISHED
        service = self._sites[row.site].service.spec.name
        left = row.finished if row.ended == NEVER else min(row.finished, row.ended)
        passage = self._passages.setdefault(service, _Passage(left))
        passage.requests += 1
        passage.onset = min(passage.onset, left)
        server = Half(row.site, row.attempt_path, True)
        if not by_time and row.outcome not in (SUCCESS, _DEPENDENCY):
            self._note(service, service, _NAMES[row.outcome], row.finished, server)
            if row.outcome in _NO_ROOM:
                self._crowded(row, other)
            return None
        attempts = fact.attempts(row)
        self._missed(service, attempts, other)
        made, attempts = attempts, {site: _needed(calls) for site, calls in attempts.items()}
        failed = not by_time and row.outcome == _DEPENDENCY
        culprit = self._failed(attempts, other) if failed else self._slowest(row, attempts, other)
        if culprit is None:
            self._own(service, row, fact, other, server)
            return None
        again = [call for call in made[culprit[0].site] if call.attempt_path & ATTEMPT]
        self._note_load(HEDGED, [call for call in again if call.notes & HEDGE])
        self._note_load(AMPLIFIED, [call for call in again if not call.notes & HEDGE])
        return self._through(service, row, culprit, failed, other)

    def _missed(self, service: str, attempts: dict[int, list[Row]], other: Tree) -> None:
        """Note lookups that missed here and hit in the other run."""
        for calls in attempts.values():
            for row in calls:
                there = other.get(row) if row.notes & MISS else None
                if there is not None and there.notes & HIT:
                    cache = self._sites[row.site].service.spec.name
                    self._note(cache, service, MISSED, row.ended, Half(row.site, row.attempt_path, False))

    def _failed(self, attempts: dict[int, list[Row]], other: Tree) -> list[Row] | None:
        """The attempts at the call whose failure failed the caller; one that fails only in this run is preferred."""
        lost = [
            (deciding, calls)
            for site, calls in attempts.items()
            if (deciding := _deciding(calls)) and deciding.result != SUCCESS and not self._forgiven(site)
        ]
        first = min(lost, key=lambda each: (_fails(other, each[0]), each[0].ended), default=None)
        return None if first is None else first[1]

    def _slowest(self, row: Row, attempts: dict[int, list[Row]], other: Tree) -> list[Row] | None:
        """The attempts at the call that lost most time against the other run; None if the service itself lost more."""
        there = self._counterpart(row, other)
        before = other.attempts(there) if there is not None else {}
        lost = {site: _taken(calls) - _taken(before.get(site, [])) for site, calls in attempts.items()}
        worst = max(lost, key=lambda site: lost[site], default=None)
        if worst is None or lost[worst] <= 0:
            return None
        waited = _waited(row) - _waited(there)
        whole = _served(row) - _served(there) - self._drawn_beyond(row, there, WORK)
        return attempts[worst] if lost[worst] >= max(waited, whole - waited - sum(lost.values())) else None

    def _own(self, service: str, row: Row, fact: Tree, other: Tree, server: Half) -> None:
        """Note that a request got stuck in the service itself, if it did: in its queue, or at its own work."""
        there = self._counterpart(row, other)
        waited = _waited(row) - _waited(there)
        worked = _served(row) - _waited(row) - (_served(there) - _waited(there)) - self._drawn_beyond(row, there, WORK)
        if there is None:
            worked -= sum(_taken(calls) for calls in fact.attempts(row).values())
        if row.started != NEVER and max(waited, worked) <= _NOTHING:
            return
        if row.started == NEVER or waited >= worked:
            self._note(service, service, LATE if self._is_short(row) else QUEUEING, row.arrived, server)
            self._crowded(row, other)
        else:
            # Work has the same length in every run unless a fault acts on it; else it had to wait for a core, or share
            # it.
            site = self._sites[row.site]
            operation = list(site.service.operations)[site.operation]
            replica = self._incarnations[row.replica][0].index
            places = ((service, None, None), (service, operation, None), (service, None, replica))
            short = THROTTLED if site.service.spec.scheduled == "quota" else SATURATED
            short = LATE if self._is_short(row) else short
            mechanism = next((self._work[place] for place in places if place in self._work), short)
            self._note(service, service, mechanism, row.started, server)
            if mechanism is short:
                self._crowded(row, other)

    def _crowded(self, row: Row, other: Tree) -> None:
        """Note that a replica was overloaded because the caller keeps calls away from others, if that is why."""
        there = self._counterpart(row, other)
        if row.notes & KEPT_AWAY and not (there is not None and there.notes & KEPT_AWAY):
            self._note_load(EJECTED, [row])

    def _counterpart(self, row: Row, other: Tree) -> Row | None:
        """A call's counterpart in the other run: itself, or the attempt that had the answer in its place."""
        return self._standing_for(row.place, other)

    def _standing_for(self, place: tuple[int, int], other: Tree) -> Row | None:
        there = other.rows.get(place)
        made = [] if there is not None else self._made(place, other)
        return there or _deciding(made) or (made[-1] if made else None)

    def _made(self, place: tuple[int, int], other: Tree) -> list[Row]:
        """All attempts in the other run at the call attempted at a place in this one."""
        caller = caller_of(self._sites, place)
        there = None if caller is None else self._standing_for(caller, other)
        return [] if there is None else other.attempts(there).get(place[0], [])

    def _drawn_beyond(self, row: Row, there: Row | None, *purposes: int) -> float:
        """Seconds that a call drew for some purposes beyond its counterpart; 0 if it is the same call."""
        if there is not None and there.place == row.place:
            return 0.0
        return self._drawn(row, purposes) - (self._drawn(there, purposes) if there is not None else 0.0)

    def _drawn(self, row: Row, purposes: Sequence[int]) -> float:
        draws = self._sites[row.site].tape_of(row.attempt_path).draws(row.number)
        return sum(draws[purpose] for purpose in purposes)

    def _beyond(self, row: Row, other: Tree) -> float:
        """Seconds that a caller waited longer for an attempt than in the other run, to the nanosecond."""
        return round(_client(row) - _client(self._counterpart(row, other)), 9)

    def _cost(self, row: Row, other: Tree) -> float:
        """Seconds that a caller waited longer for an attempt, beyond what the attempt's draws explain."""
        there = self._counterpart(row, other)
        return _client(row) - _client(there) - self._drawn_beyond(row, there, OUT, WORK, BACK)

    def _is_short(self, row: Row) -> bool:
        """Whether a call came while its service was still waiting for replicas."""
        shortages = self._sites[row.site].service.shortages
        return any(start <= row.arrived < end for start, end in shortages)

    def _through(
        self, caller: str, waiter: Row, attempts: list[Row], failed: bool, other: Tree
    ) -> tuple[Row, bool] | None:
        """Note how a call's trouble reached its caller; returns the attempt to look into, if one got anywhere.

        `waiter` is the call that made it, and `failed` is whether that failed because of it; otherwise it lost time.
        """
        callee = self._sites[attempts[0].site].service.spec.name
        passage = self._passages[caller].beyond
        passage[callee] = passage.get(callee, 0) + 1
        for row in attempts:
            if row.result != SUCCESS and not _fails(other, row):
                starved = self._on_the_way(caller, callee, row, other) == POOL
                mechanism = POOL if starved else _NAMES[row.result]
                self._note(callee, caller, mechanism, row.ended, Half(row.site, row.attempt_path, False))
                self._note_load(PANIC, [row] if row.notes & PANICKED else [])
        # The attempt to look into is the one that cost the most, the first of equals: for a failed call, one that fails
        # only in this run. If the pauses cost more, it is the attempt that they follow.
        broken = [row for row in attempts if failed and row.result != SUCCESS and not _fails(other, row)]
        worst = max(broken or attempts, key=lambda row: self._beyond(row, other))
        paused = _paused(attempts) - _paused(self._made(worst.place, other))
        if not failed and paused > _NOTHING and paused >= self._cost(worst, other):
            again = [row for row in attempts if row.notes & RETRIED]
            worst = next((row for row in again if not _fails(other, row)), again[0])
            self._note(caller, caller, BACKED_OFF, worst.ended, Half(waiter.site, waiter.attempt_path, True))
        held_up = self._on_the_way(caller, callee, worst, other)
        if held_up is not None:
            self._note(callee, caller, held_up, worst.ended, Half(worst.site, worst.attempt_path, False))
            return None
        if worst.result == SUCCESS:
            self._note(callee, caller, SLOW_ANSWER, worst.ended, Half(worst.site, worst.attempt_path, False))
        if worst.result == _RESET and worst.outcome != _RESET:
            return None  # the connection was lost, so what the callee did does not matter
        if worst.result == _TIMEOUT and self._cost(worst, other) <= _NOTHING:
            return None  # the callee did not take longer: its caller gave up sooner
        return None if worst.arrived == NEVER else (worst, worst.result in (SUCCESS, _TIMEOUT, _UNFINISHED))

    def _on_the_way(self, caller: str, callee: str, row: Row, other: Tree) -> str | None:
        """What held up a call between caller and callee, if it lost most of its time there."""
        if row.result not in (SUCCESS, _TIMEOUT, _LOST, _UNFINISHED):
            return None
        there = self._counterpart(row, other)
        cost = self._cost(row, other)
        away = _away(row) - _away(there) - self._drawn_beyond(row, there, OUT, BACK)
        if cost <= _NOTHING or 2 * away <= cost:
            return None
        if row.arrived == NEVER and row.outcome == _RESET:
            return LOSS  # only the network ends a call like that before it arrives (`CallEngine.lost`)
        if (caller, callee) in self._mute and row.result in (_TIMEOUT, _LOST):
            return LOSS
        if (caller, callee) in self._delayed:
            return DELAYED
        edge = self._sites[row.site].edge
        return POOL if edge is not None and edge.held and 2 * self._held(row) > cost else None

    def _held(self, row: Row) -> float:
        """Seconds until a call left its caller, on an edge where only a pool can hold it."""
        if row.arrived != NEVER:
            return min(row.arrived - self._drawn(row, (OUT,)), row.ended) - row.sent
        return _client(row) if row.outcome in (SUCCESS, _UNFINISHED) else 0.0

    def _forgiven(self, site: int) -> bool:
        """Whether a call may fail without failing its caller."""
        place = self._sites[site]
        return place.optional or place.otherwise is not None

    def _note(self, origin: str, reached: str, mechanism: str, time: float, half: Half) -> None:
        """Count a request at a step, at most once."""
        self._add(self._steps, (origin, reached, mechanism), time, half)

    def _note_load(self, mechanism: str, rows: Sequence[Row]) -> None:
        """Count calls at a step from caller to callee."""
        for row in rows:
            edge = self._sites[row.site].edge
            if edge is not None:
                key = (edge.spec.caller, edge.spec.callee, mechanism)
                self._add(self._of_load, key, row.sent, Half(row.site, row.attempt_path, False))

    def _add(self, steps: dict[tuple[str, str, str], Step], key: tuple[str, str, str], time: float, half: Half) -> None:
        time = max(time, self._since)
        step = steps.setdefault(key, Step(*key, time))
        if key not in self._seen:
            self._seen.add(key)
            step.requests += 1
        step.onset = min(step.onset, time)
        step.evidence = sorted({*step.evidence, (time, self._number, half)})[:_EVIDENCE]


def _on_work(effect: Effect) -> str:
    """What an effect does to the work of its target; empty if it only takes cores."""
    if effect.slowdown != 1 or effect.hang:
        return SLOW_WORK
    return THROTTLED if effect.quota < 1 else PAUSED if effect.pause else ""


def _deciding(calls: list[Row]) -> Row | None:
    """The attempt whose result the caller went on with; None if the caller was killed before there was one."""
    return next((row for row in reversed(calls) if row.notes & DECIDED), None)


def _needed(calls: list[Row]) -> list[Row]:
    """The attempts at a call, without those withdrawn because another had an answer."""
    if _deciding(calls) is None:
        return calls
    return [row for row in calls if row.result != _CANCELLED or row.notes & DECIDED]


def _fails(other: Tree, row: Row) -> bool:
    """Whether the same call fails in the other run too."""
    there = other.get(row)
    return there is not None and there.result != SUCCESS


def _waited(row: Row | None) -> float:
    """Seconds in the queue for a worker; 0 for a call that was not made, as in the functions below."""
    if row is None:
        return 0.0
    return row.started - row.arrived if row.started >= 0 else max(0.0, row.finished - row.arrived)


def _served(row: Row | None) -> float:
    """Seconds at the server, its queue included."""
    return 0.0 if row is None else row.finished - row.arrived


def _client(row: Row | None) -> float:
    """Seconds that the caller waited."""
    return 0.0 if row is None else row.ended - row.sent


def _away(row: Row | None) -> float:
    """Seconds that the caller waited while the call was not at the server."""
    if row is None or row.arrived == NEVER:
        return _client(row)
    return _client(row) - max(0.0, min(row.finished, row.ended) - row.arrived)


def _paused(attempts: list[Row]) -> float:
    """Seconds between attempts, with none under way."""
    return sum(max(0.0, later.sent - former.ended) for former, later in pairwise(attempts) if former.notes & RETRIED)


def _taken(attempts: list[Row]) -> float:
    """Seconds from the first attempt to the answer that the caller went on with."""
    if not attempts:
        return 0.0
    last = _deciding(attempts) or attempts[-1]
    return last.ended - attempts[0].sent
