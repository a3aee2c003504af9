"""Harmless events that are loud: they look worse than what is wrong, but no user feels them.

A backup that takes half of the cores, a canary that fails some requests which callers retry, slow queries that are
still fast enough, a cache that warms up again. They come where the estimates say that there is capacity, time and a
retry to spare, so whoever follows the loudest graph ends up there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.flush import Flush
from meshquake.faults.kinds.job import Job
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.release import next_version
from meshquake.faults.room import BUSY, Placed, Room, restart_time
from meshquake.topology.estimates import offered_load
from meshquake.topology.portion import Portion
from meshquake.topology.spec import Call, Group, Sequence, Service, Topology, made

#: The shortest and longest duration of such an event (seconds).
_LASTS = 25.0, 45.0
#: The share of the shortest timeout for a service that its slow requests may take.
_IN_TIME = 0.25
#: The smallest and largest slowdown of a sluggish service.
_SLOWER = 4.0, 40.0
#: The largest share of requests that a service fails, and the share that may fail in spite of all retries.
_FAILS, _UNLUCKY = 0.25, 0.005
_JOBS = ("full-backup", "reindex", "compaction", "virus-scan")


def _strain(room: Room) -> Placed:
    """Run a heavy job that takes a large part of the cores a service can spare."""
    service = room.service("strain", lambda service: room.bears(service, 1 / (1 - 0.35)))
    if service is None:
        return None
    share, length = (
        room.between(0.35, min(0.75, 1 - 1 / room.spare(service)), "strain", "share"),
        _length(room, "strain"),
    )
    job = Job(target=_at(service), name=room.choose(_JOBS, "strain", "name"), share=share, for_=Extent(length))
    return job, length


def _flaky(room: Room) -> Placed:
    """Fail some requests of a service, which callers retry or can do without."""
    service = room.service("flaky", lambda service: _forgiven(room.topology, service) > 0)
    if service is None:
        return None
    most, length = _forgiven(room.topology, service), _length(room, "flaky")
    share = room.between(most / 3, most, "flaky", "share")
    return Fail(target=_at(service), share=share, error="unavailable", for_=Extent(length)), length


def _sluggish(room: Room) -> Placed:
    """Slow some requests of a service many times over, though they still come in time."""
    share = room.between(0.06, 0.15, "sluggish", "share")
    service = room.service("sluggish", lambda service: _slower(room, service, share) >= _SLOWER[0])
    if service is None:
        return None
    most, least = _slower(room, service, share), _SLOWER[0]
    factor = round(least * (most / least) ** room.between(0, 1, "sluggish", "factor"), 2)
    length = _length(room, "sluggish")
    return Slow(target=_at(service), factor=factor, share=share, for_=Extent(length)), length


def _canary(room: Room) -> Placed:
    """Release a bad version to one replica, and take it back before anybody feels it."""
    service = room.service(
        "canary",
        lambda service: not service.versions and room.replaceable(service) and _forgiven(room.topology, service) > 0,
    )
    if service is None:
        return None
    length = _length(room, "canary")
    most = min(0.9, service.replicas * _forgiven(room.topology, service))
    share = room.between(most / 3, most, "canary", "share")
    deploy = Deploy(
        target=_at(service),
        version=next_version(service.version),
        share=share,
        error="unavailable",
        canary=Portion(count=1),
        rollback_after=length,
    )
    return deploy, length + 2 * restart_time(service)


def _flush(room: Room) -> Placed:
    """Empty a cache whose backend can bear the load until it is warm again."""
    service = room.service("flush", lambda service: _spared(room.topology, service))
    if service is None:
        return None
    warm = room.between(5, 15, "flush", "warm")
    return Flush(target=_at(service), warm=warm), 3 * warm


def _crowd(room: Room) -> Placed:
    """Bring many more users, whom the whole mesh can bear."""
    factor, length = room.between(1.6, 2.5, "crowd", "factor"), _length(room, "crowd")
    if not room.bear(factor):
        return None
    return Surge(target=Target("users"), factor=factor, for_=Extent(length)), length


#: All of them, by name.
ALL: dict[str, Callable[[Room], Placed]] = {
    "strain": _strain,
    "flaky": _flaky,
    "sluggish": _sluggish,
    "canary": _canary,
    "flush": _flush,
    "crowd": _crowd,
}


def _at(service: Service) -> Target:
    return Target("service", service.name)


def _length(room: Room, what: str) -> float:
    return room.between(*_LASTS, what, "for")


# -- where nobody is harmed --------------------------------------------------------------------------------------------


def _forgiven(topology: Topology, service: Service) -> float:
    """Return the share of its requests that a service may fail because callers retry or do without it; 0 for none.

    It is so small that hardly any request fails in all of its attempts.
    """
    if any(entry.service == service.name for entry in topology.workload.mix):
        return 0.0
    attempts = {
        edge.caller: 1 if edge.retry is None else edge.retry.max_attempts
        for edge in topology.edges
        if edge.callee == service.name
    }
    needed = [
        attempts[caller.name]
        for caller in topology.services
        if any(call.service == service.name and not call.optional for call in _calls(caller))
    ]
    fewest = min(needed, default=max(attempts.values(), default=1) + 1)
    return 0.0 if fewest == 1 else min(_FAILS, _UNLUCKY ** (1 / fewest))


def _calls(service: Service) -> list[Call]:
    """Return the calls that a service makes, including those that follow other calls."""
    found = [call for operation in service.operations for call in made(operation.calls)]
    for call in found:
        found += [link for link in (*call.on_miss, *call.on_success, *call.on_failure) if isinstance(link, Call)]
    return found


def _slower(room: Room, service: Service, share: float) -> float:
    """Return the factor by which a share of a service's requests may be slowed; 1 if they may not be."""
    waits = [edge.timeout for edge in room.topology.edges if edge.callee == service.name and edge.timeout is not None]
    patience = _IN_TIME * min([*waits, room.topology.workload.objective.within])
    longest = max(float(operation.work.quantile(np.array([0.95]))[0]) for operation in service.operations)
    longest /= 1.0 - room.topology.environment.load_of(service.name).cores
    in_time = patience / longest if longest > 0 else 1.0
    within_capacity = 1 + (room.spare(service) - 1) / share
    return max(1.0, min(_SLOWER[1], in_time, within_capacity))


def _spared(topology: Topology, cache: Service) -> bool:
    """Whether nothing is overloaded when every lookup in a cache misses; False if there are no lookups."""
    if Flush.misfit(_at(cache), topology):
        return False
    services = tuple(
        replace(
            service,
            operations=tuple(
                replace(operation, calls=_missing(operation.calls, cache.name)) for operation in service.operations
            ),
        )
        for service in topology.services
    )
    return all(load.offered <= BUSY for load in offered_load(replace(topology, services=services)).values())


def _missing(groups: tuple[Group, ...], cache: str) -> tuple[Group, ...]:
    """Return steps in which every lookup in a cache misses."""

    def missing(branch: object) -> object:
        if isinstance(branch, Sequence):
            return replace(branch, steps=_missing(branch.steps, cache))
        if isinstance(branch, Call) and branch.service == cache and branch.hit_rate is not None:
            return replace(branch, hit_rate=0.0)
        return branch

    return tuple(tuple(missing(branch) for branch in group) for group in groups)  # type: ignore[misc]
