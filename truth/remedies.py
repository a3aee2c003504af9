"""What an operator might have done about a fault, one thing at a time, and the best of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshquake.faults.fault import Fault
from meshquake.faults.kinds.deploy import Deploy
from meshquake.sim.live.script import Script
from meshquake.sim.simulation import Simulation
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration
from meshquake.truth.relief import harmed

Remedy = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Best:
    """The remedy with which the fewest requests are harmed (None for doing nothing), and how many those are."""

    remedy: Remedy | None
    harmed: int


def candidates(fault: Fault, topology: Topology) -> Iterator[Remedy]:
    """What somebody who knew what is wrong might do about it."""
    root = fault.roots(topology)[0]
    service = topology.service(root)
    if fault.mendable and fault.lasts:
        yield "mend", {"target": str(fault.target), "fault": fault.id}
    if isinstance(fault, Deploy):
        deployment = {} if fault.deployment is None else {"deployment": fault.deployment}
        yield "rollback", {"target": str(fault.target), **deployment}
    yield "restart", {"target": root}
    if fault.target.level == "replica" and service.replicas > 1:
        yield "drain", {"target": str(fault.target)}
    if not service.versions:
        yield "scale", {"target": root, "to": str(2 * service.replicas)}


def best(script: Script, at: float) -> Best:
    """The best single remedy for the first fault of a scenario, in place of the actions that were taken.

    Parameters
    ----------
    script
        The scenario.
    at
        When the remedy is applied, in simulated seconds.
    """
    scenario, topology = script.scenario, script.loaded.topology
    when = {"at": duration(round(at - scenario.lead_in, 3))}
    tried = [None, *candidates(scenario.faults[0], topology)]
    runs = [
        Simulation.of(script.with_actions([] if each is None else [(each[0], {**each[1], **when})])) for each in tried
    ]
    counts = harmed(runs, runs[0].without([fault.id for fault in scenario.faults]))
    least = min(range(len(tried)), key=counts.__getitem__)
    return Best(tried[least], counts[least])
