"""Weighted routing of calls to a service: among its versions, and within one to its canary.

This is a route of a service mesh (Istio's VirtualService, whose weights Argo Rollouts and Flagger set). The choice is
made once for a call, so retries stay with it, and the share of a subset without ready replicas fails. To the caller
each subset is a cluster of its own (Envoy). What Envoy keeps per cluster is kept per subset: outlier detection with its
limit and its panic, the limits on connections, on requests and on retries under way, and the position in the round.
What belongs to the route or to a client is shared: timeouts, retries and their budgets, hedges, breakers, throttles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.policy import PASS, CallerPolicy, Route
from meshquake.sim.engine.subset import Subset
from meshquake.topology.addresses import uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service

#: The policies that each subset has for itself, by their names in `sim.policies.compose`.
OWN: Final = ("outlier", "bulkhead", "pool", "retry_concurrency")
#: Keep the draws of these choices apart from others at the same site. A version is chosen by weight here, and by ready
#: replicas in `sim.policies.versions`; a service has one choice or the other, so the draw is the same.
VERSION: Final = 0x5EED_0F_5B17
_CANARY: Final = 0x5EED_0F_CA4A


class ByWeight(Route):
    """Chooses who gets a call to a service: a version by its weight, and within it the canary by its share."""

    __slots__ = ("_deployments", "_ends")

    def __init__(self, service: Service) -> None:
        self._deployments = service.deployments
        weights = [version.weight or 0.0 for version in service.spec.versions] or [1.0]
        total = sum(weights)
        #: The upper ends of the deployments' shares, in order.
        self._ends = [end / total for end in accumulate(weights)]

    def subset(self, site: CallSite, number: int, attempt_path: int) -> Subset:
        """Return the subset that a call at a site goes to, by draws of its own."""
        deployment = self._deployments[-1]
        if len(self._ends) > 1:
            draw = uniform(site.address ^ VERSION, number, attempt_path)
            shares = zip(self._ends, self._deployments, strict=True)
            deployment = next((each for end, each in shares if draw < end), deployment)
        canary = deployment.canary
        if canary is not None and uniform(site.address ^ _CANARY, number, attempt_path) < canary.share:
            return canary
        return deployment.stable

    def choose(self, site: CallSite, number: int) -> tuple[CallSite, list[Replica]]:
        """Return the site of the version that a user's request goes to, and the replicas ready for it."""
        subset = self.subset(site, number, 0)
        return site_of(site, subset), subset.ready


def site_of(site: CallSite, subset: Subset) -> CallSite:
    """Return the site of the version that a subset runs, among the variants of a site."""
    variants = site.base.variants
    return site if variants is None else variants[subset.deployment.version]


class SubsetChoice(CallerPolicy):
    """Sends each attempt to a subset, where it meets the policies that the caller has for that subset."""

    __slots__ = ("_parts", "_route")

    def __init__(self, route: ByWeight, parts: dict[Subset, CallerState]) -> None:
        self._route = route
        self._parts = parts

    def admit(self, call: Call, now: float) -> int:
        """Choose the subset, which further attempts of the call keep, and return the verdict of its policies."""
        whole, former, number, path = call.caller, call.former, call.number, call.attempt_path
        subset = None if former is None or former.caller is None else former.caller.subset
        if subset is None:
            subset = self._route.subset(call.site.base, number, path)
        elif subset not in self._parts:
            subset = subset.deployment.stable  # the canary is gone
        assert whole is not None
        site = site_of(call.site, subset)
        if site is not call.site:
            call.site = site
            call.draws = (site.tape if path == 0 else site.tape_of(path)).draws(number)
        whole.in_flight -= 1
        call.caller = part = self._parts[subset]
        part.in_flight += 1
        for policy in part.admits:
            verdict = policy.admit(call, now)
            if verdict:
                return verdict
        return PASS


class OnlyThese(CallerPolicy):
    """Restricts calls to a canary to the canary's replicas."""

    __slots__ = ("_ready",)

    def __init__(self, subset: Subset) -> None:
        self._ready = subset.ready

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """Return the replicas of the canary."""
        return self._ready
