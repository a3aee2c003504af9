"""How the calls to a service are shared out by weights: among its versions, and with a canary of one of them.

As by a route of a service mesh (Istio's VirtualService, what Argo Rollouts and Flagger set weights of): the choice is
made once for a call, so that retries stay with it, and who has no ready replica fails its share. To the caller each
subset is a cluster of its own (Envoy). What Envoy keeps for a cluster is kept for each: outlier detection with its
limit and its panic, the limits on connections, requests and retries under way, and whose turn it is. What belongs to
the route or to a client is one for all: timeouts, retries and their budgets, hedges, breakers, throttles.
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

#: The policies of which each subset has its own, by their names in `sim.policies.compose`.
OWN: Final = ("outlier", "bulkhead", "pool", "retry_concurrency")
#: Set the draws of these choices apart from others at the same site.
_VERSION: Final = 0x5EED_0F_5B17
_CANARY: Final = 0x5EED_0F_CA4A


class ByWeight(Route):
    """Who gets a call to a service: a version by its weight, and of that the canary by its share."""

    __slots__ = ("_deployments", "_ends")

    def __init__(self, service: Service) -> None:
        self._deployments = service.deployments
        weights = [version.weight or 0.0 for version in service.spec.versions] or [1.0]
        total = sum(weights)
        #: The upper ends of the deployments' shares.
        self._ends = [end / total for end in accumulate(weights)]

    def subset(self, site: CallSite, number: int, attempt_path: int) -> Subset:
        """The one that a call at a site goes to, by draws of its own."""
        deployment = self._deployments[-1]
        if len(self._ends) > 1:
            draw = uniform(site.address ^ _VERSION, number, attempt_path)
            shares = zip(self._ends, self._deployments, strict=True)
            deployment = next((each for end, each in shares if draw < end), deployment)
        canary = deployment.canary
        if canary is not None and uniform(site.address ^ _CANARY, number, attempt_path) < canary.share:
            return canary
        return deployment.stable

    def choose(self, site: CallSite, number: int) -> tuple[CallSite, list[Replica]]:
        """The site of the version that a user's request goes to, and who is ready for it."""
        subset = self.subset(site, number, 0)
        return site_of(site, subset), subset.ready


def site_of(site: CallSite, subset: Subset) -> CallSite:
    """The site of the version that a subset runs, of those for which a site stands."""
    variants = site.base.variants
    return site if variants is None else variants[subset.deployment.version]


class SubsetChoice(CallerPolicy):
    """Makes each attempt one at a subset: there it meets the policies that the caller has for that."""

    __slots__ = ("_parts", "_route")

    def __init__(self, route: ByWeight, parts: dict[Subset, CallerState]) -> None:
        self._route = route
        self._parts = parts

    def admit(self, call: Call, now: float) -> int:
        """What the policies of the subset say, which another attempt at a call doesn't leave."""
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
    """Sends calls to a canary to its replicas, in place of all that are ready for the site."""

    __slots__ = ("_ready",)

    def __init__(self, subset: Subset) -> None:
        self._ready = subset.ready

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """Those of the canary."""
        return self._ready
