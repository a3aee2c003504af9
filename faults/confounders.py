"""Harmless events around the onset, drawn by the seed, so that "there was a deploy" is no diagnosis.

They are real: a replica that restarts takes no calls, a job takes CPU. They harm nobody because they come only where
there is room: to services without a fault, and within the capacity that estimates made before the run leave to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

from meshquake.faults import distractors, draws
from meshquake.faults.fault import Extent, Fault, Target
from meshquake.faults.kinds.configure import Configure
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.job import Job
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.release import next_version
from meshquake.faults.room import AFTER, BEFORE, BUMP, BUSY, Placed, Room, restart_time
from meshquake.faults.scenario import CONFOUNDERS, Scenario
from meshquake.topology.spec import Topology

__all__ = ["AFTER", "BEFORE", "BUMP", "BUSY", "chosen"]

_JOBS = ("nightly-report", "backup", "index-rebuild", "log-rotation", "cleanup")
_SETTINGS = {"log.sampling": "20%", "feature.recommendations": "on", "tracing.exporter": "batch", "tls.minimum": "1.3"}


def chosen(scenario: Scenario, topology: Topology) -> tuple[Fault, ...]:
    """Return harmless events to add to a scenario.

    Parameters
    ----------
    scenario
        Says how many (`confounders`) and, by its faults, where and when. A seed draws them in a fixed order, so fewer
        are the first of more.
    topology
        The mesh it plays on. What nobody calls in it changes no draw.

    Returns
    -------
    tuple of Fault
        Each on another service, loud ones first; fewer than requested where there is no room.
    """
    loud, quiet = CONFOUNDERS[scenario.confounders]
    if not loud + quiet:
        return ()
    room = Room(scenario, topology)
    ids = {fault.id for fault in (*scenario.faults, *scenario.background)}
    names = (name for number in count(1) if (name := f"confounder-{number}") not in ids)
    found = [*_of(distractors.ALL, loud, room, scenario.seed), *_of(_ALL, quiet, room, scenario.seed)]
    return tuple(replace(fault, id=next(names)) for fault in found)


def _of(table: Mapping[str, Callable[[Room], Placed]], wanted: int, room: Room, seed: int) -> list[Fault]:
    """Return `wanted` events from a table, each at most once, in an order drawn by the seed."""
    found: list[Fault] = []
    for what in sorted(table, key=lambda what: draws.draw(seed, "confounders", what)):
        fault = room.place(what, table[what](room)) if len(found) < wanted else None
        if fault is not None:
            found.append(fault)
    return found


def _deploy(room: Room) -> Placed:
    """Roll a good version out."""
    service = room.service("deploy", lambda service: not service.versions and room.replaceable(service))
    if service is None:
        return None
    deploy = Deploy(target=Target("service", service.name), version=next_version(service.version))
    return deploy, service.replicas * restart_time(service)


def _restart(room: Room) -> Placed:
    """Restart a replica."""
    service = room.service("restart", room.replaceable)
    if service is None:
        return None
    replica = room.choose(range(service.replicas), "restart", "replica")
    return Restart(target=Target("replica", service.name, replica)), restart_time(service)


def _job(room: Room) -> Placed:
    """Run a scheduled job that takes some CPU."""
    share = room.between(0.1, 0.3, "job", "share")
    service = room.service("job", lambda service: room.bears(service, 1 / (1 - share)))
    if service is None:
        return None
    name, length = room.choose(_JOBS, "job", "name"), room.between(10, 30, "job", "for")
    return Job(target=Target("service", service.name), name=name, share=share, for_=Extent(length)), length


def _bump(room: Room) -> Placed:
    """Bring a few more users for some seconds."""
    if not room.bear(BUMP[1]):
        return None
    factor, length = room.between(*BUMP, "bump", "factor"), room.between(5, 10, "bump", "for")
    return Surge(target=Target("users"), factor=factor, for_=Extent(length)), length


def _configure(room: Room) -> Placed:
    """Change a setting."""
    service = room.service("configure", lambda service: True)
    if service is None:
        return None
    setting = room.choose(_SETTINGS, "configure", "setting")
    target = Target("service", service.name)
    return Configure(target=target, setting=setting, value=_SETTINGS[setting]), 1.0


#: Every event that is hardly visible, by name.
_ALL: dict[str, Callable[[Room], Placed]] = {
    "deploy": _deploy,
    "restart": _restart,
    "job": _job,
    "bump": _bump,
    "configure": _configure,
}
