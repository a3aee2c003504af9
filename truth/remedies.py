"""What an operator might have done about an incident: single remedies, and the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshquake.faults.fault import Cause, Fault
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.surge import Surge
from meshquake.sim.live.script import Script
from meshquake.sim.simulation import Simulation
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration
from meshquake.truth.preview import felt_since
from meshquake.truth.relief import Harm, harm_of

#: A kind of action, and its keys.
Remedy = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Prospects:
    """The outcome of an incident if nobody acts, and with the best single remedy.

    Attributes
    ----------
    at
        When the remedies were applied (simulated seconds): when users first felt a fault, or else when the first began.
    left
        The harm if nobody acts.
    best
        The remedy with the least harm; None for doing nothing.
    least
        The harm with it.
    """

    at: float
    left: Harm
    best: Remedy | None
    least: Harm


@dataclass(frozen=True)
class Mitigation:
    """How somebody handled an incident.

    Attributes
    ----------
    harm
        The harm with the actions taken.
    prospects
        The outcomes to compare with.
    done, elsewhere
        How many actions were taken, and how many of them where nothing was wrong: trying everything everywhere averts
        harm too.
    """

    harm: Harm
    prospects: Prospects
    done: int = 0
    elsewhere: int = 0

    @property
    def averted(self) -> int:
        """Requests that went well because of the actions, less those that went wrong because of them."""
        return self.prospects.left.total - self.harm.total

    @property
    def best_averted(self) -> int:
        """The same for the best single remedy; 0 if that is doing nothing."""
        return self.prospects.left.total - self.prospects.least.total

    @property
    def share(self) -> float | None:
        """The share of the harm that was averted, negative if there was more; None if there was none to avert."""
        return self.averted / self.prospects.left.total if self.prospects.left.total else None

    @property
    def of_best(self) -> float | None:
        """The averted harm as a share of what the best single remedy averts; None if that is nothing.

        Doing more than one thing, or the right thing sooner, can give more than 1.
        """
        return self.averted / self.best_averted if self.best_averted else None


def candidates(fault: Fault, topology: Topology) -> Iterator[Remedy]:
    """The remedies that somebody who knew what is wrong might try."""
    root = fault.roots(topology)[0]
    service = topology.service(root)
    if fault.mendable and fault.lasts:
        yield "mend", {"target": str(fault.target)}
    if isinstance(fault, Deploy):
        deployment = {} if fault.deployment is None else {"deployment": fault.deployment}
        yield "rollback", {"target": str(fault.target), **deployment}
        if service.weighted and fault.deployment is not None:
            for version in service.versions:
                if version.name != fault.deployment:
                    yield "shift", {"target": root, "to": version.name, "from": fault.deployment}
    yield "restart", {"target": root}
    if fault.target.level == "replica" and service.replicas > 1:
        yield "drain", {"target": str(fault.target)}
    # Too many users show as a service that can't keep up, which may be any of them.
    for each in topology.services if isinstance(fault, Surge) else (service,):
        if not each.versions:
            yield "scale", {"target": each.name, "to": str(2 * each.replicas)}


def prospects(script: Script) -> Prospects:
    """The outcome of a scenario's incident if nobody acts, and with each single remedy for one of its faults.

    Each remedy is played, in place of the scenario's own actions.
    """
    left, topology = script.with_actions([]), script.loaded.topology
    scenario = left.scenario
    at = _felt(Simulation.of(left))
    when = {"at": duration(round(at - scenario.lead_in, 3))}
    tried: list[Remedy | None] = [None]
    for fault in scenario.faults:
        tried += [each for each in candidates(fault, topology) if each not in tried]
    runs = [
        Simulation.of(left if each is None else script.with_actions([(each[0], {**each[1], **when})])) for each in tried
    ]
    harms = harm_of(runs, runs[0].without([fault.id for fault in scenario.faults]))
    least = min(range(len(tried)), key=lambda number: harms[number].total)
    return Prospects(at, harms[0], tried[least], harms[least])


def _felt(run: Simulation) -> float:
    """The earliest time to act: when users first felt a fault, or else when the first began."""
    scenario = run.scenario
    begins = min((scenario.window(fault).start for fault in scenario.faults), default=0.0)
    felt = felt_since(run) if scenario.faults else None
    return max(0.0, min(begins if felt is None else felt, scenario.length - 1.0))


def mitigation(script: Script, known: Prospects | None = None) -> Mitigation:
    """How the actions of a scenario handled its incident.

    Parameters
    ----------
    script
        The scenario with the actions.
    known
        Its prospects, which are the same whatever was done; None to compute them.
    """
    run, actions = Simulation.of(script.loaded), script.scenario.actions
    twin = run.without([cause.id for cause in (*script.scenario.faults, *actions)])
    (harm,) = harm_of([run], twin)
    wrong = {name for fault in script.scenario.faults for name in _concerned(fault, script.loaded.topology)}
    elsewhere = sum(wrong.isdisjoint(_services(action)) for action in actions)
    return Mitigation(harm, known or prospects(script), len(actions), elsewhere)


def _concerned(fault: Fault, topology: Topology) -> set[str]:
    """The services at which a remedy for a fault may sensibly act."""
    if isinstance(fault, Surge):
        return {service.name for service in topology.services}
    return {*fault.roots(topology), *_services(fault)}


def _services(cause: Cause) -> set[str]:
    """The services at which a cause acts; both ends of an edge."""
    return {name for target in cause.all_targets for name in (target.service, target.callee) if name}
