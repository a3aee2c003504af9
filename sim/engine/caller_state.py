"""What one replica of a caller knows of a callee: calls in flight, and the state of its policies.

As in a real client library, what a caller has learned (a breaker's window, a retry budget, open connections, whose turn
it is) is known to one process: breakers of two replicas may disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.policy import Balancer, CallerPolicy, Route, overriding

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call


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
        "policies",
        "retried",
        "retry",
        "returns",
        "settles",
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

    @property
    def under_way(self) -> int:
        """All attempts of which the process waits for a result, whatever its settings were when it made them."""
        return self.in_flight + (0 if self.before is None else self.before.under_way)


class Ingress:
    """Where the requests of users come in: an entry of the workload."""

    __slots__ = ("balancer", "on_over", "route")

    def __init__(self, balancer: Balancer, route: Route | None = None) -> None:
        self.balancer = balancer
        #: Chooses among the versions of the entry's service, if it has several.
        self.route = route
        #: Hears of each request that is over for its user, with its answer.
        self.on_over: Callable[[Call], None] | None = None
