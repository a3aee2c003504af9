"""What one replica of a caller knows of a callee: calls in flight, and the state of its policies.

As in a real client library, what a caller has learned (a breaker's window, a retry budget, open connections, whose turn
it is) is known to one process: breakers of two replicas may disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.policy import Balancer, CallerPolicy, Route, overriding

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.subset import Subset


class CallerState:
    """One caller replica's view of one callee.

    Parameters
    ----------
    edge
        The edge, which all replicas of the caller share.
    balancer
        Chooses among the callee's replicas.
    policies
        What the caller does about its calls, by name, in the order in which an attempt meets them.
    """

    __slots__ = (
        "admits",
        "balancer",
        "before",
        "cancels",
        "decider",
        "edge",
        "in_flight",
        "limits",
        "narrows",
        "parts",
        "policies",
        "retried",
        "retry",
        "returns",
        "settles",
        "subset",
        "whole",
        "withdraws",
    )

    def __init__(self, edge: RuntimeEdge, balancer: Balancer, policies: Mapping[str, CallerPolicy]) -> None:
        self.edge = edge
        self.balancer = balancer
        self.policies = policies
        #: Attempts of which the caller waits for a result.
        self.in_flight = 0
        #: What the process knew when settings of the edge were others, while it still waits for attempts made then.
        self.before: CallerState | None = None
        #: Where the callee's calls are shared out by weights, what is known of each subset; a call that is sent is soon
        #: one of these. And of such a part: the subset, and what it is a part of.
        self.parts: dict[Subset, CallerState] = {}
        self.subset: Subset | None = None
        self.whole: CallerState = self
        # By hook: who overrides none isn't asked.
        every = tuple(policies.values())
        self.admits = overriding(every, "admit")
        self.settles = overriding(every, "settle")
        self.cancels = overriding(every, "cancel")
        self.returns = overriding(every, "returned")
        self.limits = overriding(every, "allows_retry")
        self.retried = overriding(every, "retried")
        self.retry = next(iter(overriding(every, "pause")), None)
        self.withdraws = overriding(every, "withdrawn")
        self.narrows = overriding(every, "narrow")
        self.decider = next(iter(overriding(every, "decides")), None)

    def split(self, parts: dict[Subset, CallerState], route: CallerPolicy) -> None:
        """From now on this stands for some parts, among which the policy `route` shares calls out."""
        self.parts = parts
        for subset, part in parts.items():
            part.subset, part.whole = subset, self
        self.admits = (route,)

    def alone(self) -> CallerState:
        """The same as no part of anything."""
        self.subset, self.whole = None, self
        return self

    def part(self, subset: Subset | None) -> CallerState:
        """The state for calls to a subset; if it's gone, that for those to the deployment of which it was a part."""
        if subset is None or not self.parts:
            return self
        return self.parts.get(subset) or self.parts[subset.deployment.stable]

    def former(self, subset: Subset) -> CallerState | None:
        """What was known of a subset, if anything was: where calls were not shared out, all that was."""
        if not self.parts:
            return self if subset is subset.deployment.stable else None
        return self.parts.get(subset)

    def outlive(self, before: CallerState) -> None:
        """Take the place of another state, whose calls go on under it; it may be that of a part."""
        stay = (self, *self.parts.values())
        left = [each for each in (before, *before.parts.values()) if each not in stay]
        if before in left:
            before.parts = {}
        for each in left:
            if each.under_way:
                last = each
                while last.before is not None:
                    last = last.before
                last.before, self.before = self.before, each

    def every(self) -> Iterator[tuple[CallerState, str, CallerPolicy]]:
        """Each policy, parts' included, with its name and the state whose calls it's for."""
        for name, policy in self.policies.items():
            yield self, name, policy
        for part in self.parts.values():
            for name, policy in part.policies.items():
                if self.policies.get(name) is not policy:
                    yield part, name, policy

    def named(self, name: str) -> list[CallerPolicy]:
        """The policies of a name: none, one, or one for each part."""
        own = self.policies.get(name)
        if own is not None or not self.parts:
            return [] if own is None else [own]
        return [part.policies[name] for part in self.parts.values() if name in part.policies]

    def has(self, call: Call) -> bool:
        """Whether a call is one of this state's, or of a part of it."""
        caller = call.caller
        return caller is not None and (caller is self or caller.whole is self)

    @property
    def of_all_parts(self) -> int:
        """Attempts of which the caller waits for a result, of this state and of all that stand beside it."""
        return self.whole.in_flight + sum([part.in_flight for part in self.whole.parts.values()])

    @property
    def under_way(self) -> int:
        """All attempts of which the process waits for a result, whatever its settings were when it made them."""
        if self.before is None and not self.parts:
            return self.in_flight
        earlier = 0 if self.before is None else self.before.under_way
        return self.in_flight + earlier + sum([part.under_way for part in self.parts.values()])


class Ingress:
    """Where the requests of users come in: an entry of the workload."""

    __slots__ = ("balancer", "on_over", "route")

    def __init__(self, balancer: Balancer, route: Route | None = None) -> None:
        self.balancer = balancer
        #: Shares requests out among versions of the entry's service, or with a canary of it, if there are any.
        self.route = route
        #: Hears of each request that is over for its user, with its answer.
        self.on_over: Callable[[Call], None] | None = None
