"""Which version of a service a call goes to, where several run side by side without weights.

This is how a Kubernetes Service works, which knows replicas but no versions: each attempt goes to a version in
proportion to its ready replicas. `sim.policies.subsets` handles weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy, Route
from meshquake.sim.policies.subsets import VERSION, ByWeight
from meshquake.topology.addresses import uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import Maker, PolicyContext


def _site(site: CallSite, number: int, attempt_path: int) -> CallSite:
    """Return the site of the version that a call goes to, by a draw of its own."""
    sites = site.versions
    left = int(uniform(site.address ^ VERSION, number, attempt_path) * sum(len(each.ready) for each in sites))
    for each in sites:
        left -= len(each.ready)
        if left < 0:
            return each
    return site


class ByReplicas(Route):
    """Spreads users' requests over versions."""

    __slots__ = ()

    def choose(self, site: CallSite, number: int) -> tuple[CallSite, list[Replica]]:
        """Return the site of a version, and the replicas ready there."""
        chosen = _site(site, number, 0)
        return chosen, chosen.ready


class VersionChoice(CallerPolicy):
    """Sends each attempt to a version of the callee."""

    __slots__ = ()

    def admit(self, call: Call, now: float) -> int:
        """Move an attempt to the site of its version, with the draws that it has there."""
        path, number = call.attempt_path, call.number
        call.site = site = _site(call.site.base, number, path)
        call.draws = (site.tape if path == 0 else site.tape_of(path)).draws(number)
        return PASS


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The choice for an edge, which has no state; None if the callee has one version, or versions with weights."""
    spec = edge.callee.spec
    if not spec.versions or spec.weighted:
        return None
    choice = VersionChoice()
    return lambda replica, warm: choice


def route(service: Service) -> Route | None:
    """Return the choice for users who come to a service; None if all its replicas are alike to them."""
    if service.subsets:
        return ByWeight(service)
    return ByReplicas() if service.spec.versions else None
