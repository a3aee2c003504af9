"""Which version of a service a call goes to, where several run side by side.

With weights it is the choice of a mesh's route (Istio's VirtualService): made once for a call, so that retries stay
with the version, and a version without a ready replica fails its share. Without, it is that of a Kubernetes Service,
which knows replicas and no versions: each attempt goes to a version as often as that has ready replicas.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.policy import PASS, CallerPolicy, Route
from meshquake.topology.addresses import uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext
    from meshquake.topology.spec import Service

#: Sets the draws of this choice apart from others at the same site.
_PURPOSE: Final = 0x5EED_0F_5B17


class Split(Route):
    """The choice among the versions of one service."""

    __slots__ = ("_weights", "sticky")

    def __init__(self, service: Service) -> None:
        weights = [version.weight for version in service.versions if version.weight is not None]
        total = sum(weights)
        #: The upper ends of the versions' shares; empty if replicas decide.
        self._weights = [end / total for end in accumulate(weights)]
        #: Whether all attempts of a call go to one version.
        self.sticky = bool(weights)

    def choose(self, site: CallSite, number: int, attempt_path: int) -> CallSite:
        """The site of the version that a call goes to, by a draw of its own."""
        sites = site.versions
        draw = uniform(site.address ^ _PURPOSE, number, attempt_path)
        if self._weights:
            return next((each for end, each in zip(self._weights, sites, strict=True) if draw < end), sites[-1])
        left = int(draw * sum(len(each.ready) for each in sites))
        for each in sites:
            left -= len(each.ready)
            if left < 0:
                return each
        return site


class VersionChoice(CallerPolicy):
    """Sends each attempt to a version of the callee."""

    __slots__ = ("_split",)

    def __init__(self, split: Split) -> None:
        self._split = split

    def admit(self, call: Call, now: float) -> int:
        """An attempt becomes one at the site of its version, with the draws that it has there."""
        if self._split.sticky and call.attempt > 1:
            return PASS
        path, number = call.attempt_path, call.number
        call.site = site = self._split.choose(call.site.base, number, path)
        call.draws = (site.tape if path == 0 else site.tape_of(path)).draws(number)
        return PASS


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """Makes the choice, which has no state; None for a callee with one version."""
    if not edge.callee.spec.versions:
        return None
    choice = VersionChoice(Split(edge.callee.spec))
    return lambda replica, warm: choice


def route(service: Service) -> Split | None:
    """The choice for users who come to a service; None if it has one version."""
    return Split(service) if service.versions else None
