"""What one replica of a caller knows of a callee: calls in flight, and the state of its policies.

As in a real client library, what a caller has learned (a breaker's window, a retry budget, open connections, the
position of a round robin) is known to one process only: breakers of two replicas may disagree.
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
        The caller's policies for its calls, by name, in the order in which an attempt meets them.
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
        #: Attempts for whose result the caller waits.
        self.in_flight = 0
        #: What the process knew under earlier settings of the edge, while it still waits for attempts made under them.
        self.before: CallerState | None = None
        #: If the callee's calls are shared out by weights, the state for each subset; a call that is sent soon moves to
        #: one of these. A part has its subset, and the whole that it is a part of.
        self.parts: dict[Subset, CallerState] = {}
        self.subset: Subset | None = None
        self.whole: CallerState = self
        # By hook: a policy that does not override a hook isn't called for it.
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
        """Split this into parts, among which the policy `route` shares calls out from now on."""
        self.parts = parts
        for subset, part in parts.items():
            part.subset, part.whole = subset, self
        self.admits = (route,)

    def alone(self) -> CallerState:
        """Detach this state, so that it is not part of another; returns it."""
        self.subset, self.whole = None, self
        return self

    def part(self, subset: Subset | None) -> CallerState:
        """The state for calls to a subset; if that is gone, the state for the deployment that it was a part of."""
        if subset is None or not self.parts:
            return self
        return self.parts.get(subset) or self.parts[subset.deployment.stable]

    def former(self, subset: Subset) -> CallerState | None:
        """What was known of a subset, if anything; if calls were not shared out, the whole state."""
        if not self.parts:
            return self if subset is subset.deployment.stable else None
        return self.parts.get(subset)

    def outlive(self, before: CallerState) -> None:
        """Take the place of another state, which may be that of a part; calls made under it finish under it."""
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
        """Each policy, including those of parts, with its name and the state whose calls it is for."""
        for name, policy in self.policies.items():
            yield self, name, policy
        for part in self.parts.values():
            for name, policy in part.policies.items():
                if self.policies.get(name) is not policy:
                    yield part, name, policy

    def named(self, name: str) -> list[CallerPolicy]:
        """The policies with a name: none, one, or one for each part."""
        own = self.policies.get(name)
        if own is not None or not self.parts:
            return [] if own is None else [own]
        return [part.policies[name] for part in self.parts.values() if name in part.policies]

    def has(self, call: Call) -> bool:
        """Whether a call belongs to this state, or to a part of it."""
        caller = call.caller
        return caller is not None and (caller is self or caller.whole is self)

    @property
    def of_all_parts(self) -> int:
        """Attempts for whose result the caller waits, in this state and all states beside it."""
        return self.whole.in_flight + sum([part.in_flight for part in self.whole.parts.values()])

    @property
    def under_way(self) -> int:
        """All attempts for whose result the process waits, whatever the settings were when it made them."""
        if self.before is None and not self.parts:
            return self.in_flight
        earlier = 0 if self.before is None else self.before.under_way
        return self.in_flight + earlier + sum([part.under_way for part in self.parts.values()])


class Ingress:
    """Where users' requests come in: an entry of the workload."""

    __slots__ = ("balancer", "on_over", "route")

    def __init__(self, balancer: Balancer, route: Route | None = None) -> None:
        self.balancer = balancer
        #: Shares requests out among versions of the entry's service, or between it and a canary, if there are any.
        self.route = route
        #: Called with each request, and its answer, when it is over for its user.
        self.on_over: Callable[[Call], None] | None = None
