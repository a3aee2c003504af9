"""The caller's side of an edge: a `RuntimeEdge` for all replicas of the caller, a `CallerState` for each of them.

As in a real client library, what a caller has learned of a callee (a breaker's window, a retry budget, open
connections, whose turn it is) is known to one process: breakers of two replicas may disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.policies.breaker import Breaker
from meshquake.sim.policies.pool import Pool
from meshquake.sim.policies.retry_budget import Budget
from meshquake.topology.policies import ERRORS
from meshquake.topology.spec import Edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.modifier import Modifier
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.timeout import Deadlines

#: The outcome of a call: success, or the position in `topology.policies.ERRORS` counted from 1.
SUCCESS = 0
CODES: dict[str, int] = {name: position for position, name in enumerate(ERRORS, start=1)}


class RuntimeEdge:
    """An edge of the mesh at run time."""

    __slots__ = (
        "acquire",
        "balance",
        "callee",
        "caller",
        "deadlines",
        "index",
        "modifiers",
        "opened",
        "retry_on",
        "spec",
    )

    def __init__(self, spec: Edge, index: int, caller: Service, callee: Service) -> None:
        self.spec = spec
        self.index = index
        #: The spec's, at hand: each call looks at it.
        self.balance = spec.balance
        self.caller = caller
        self.callee = callee
        self.retry_on = frozenset(CODES[name] for name in spec.retry.on) if spec.retry else frozenset()
        self.deadlines: Deadlines | None = None
        self.acquire: Deadlines | None = None
        #: Connections opened so far, by all replicas of the caller.
        self.opened = 0
        #: What acts on the network here, in the order in which it began.
        self.modifiers: tuple[Modifier, ...] = ()


class CallerState:
    """One caller replica's view of one callee."""

    __slots__ = ("breaker", "budget", "in_flight", "limit", "link", "pool", "turn")

    def __init__(
        self, link: RuntimeEdge, replica: Replica, warm: bool, notify: Callable[[CallerState, Replica, int, str], None]
    ) -> None:
        spec = link.spec
        self.link = link
        self.in_flight = 0
        self.limit = spec.bulkhead.max_concurrent if spec.bulkhead else None
        self.breaker = (
            Breaker(spec.breaker, lambda state, now, reason: notify(self, replica, state, reason))
            if spec.breaker
            else None
        )
        self.budget = Budget(spec.retry.budget) if spec.retry and spec.retry.budget else None
        self.pool = Pool(spec.pool, warm) if spec.pool else None
        # Callers begin their rounds at different replicas, or all would walk in step.
        self.turn = replica.index


def choose(ready: list[Replica], balance: str, channel: CallerState, pick: float) -> Replica:
    """The replica that a call goes to.

    `pick` is the call's own uniform. Least request takes the one of two random replicas with fewer requests
    (Mitzenmacher's two choices, Envoy's default); the counts are the replicas' own, as if callers shared them.
    """
    count = len(ready)
    if count == 1:
        return ready[0]
    if balance == "round_robin":
        channel.turn += 1
        return ready[channel.turn % count]
    scaled = pick * count
    first = int(scaled)
    if balance == "random":
        return ready[first]
    second = int((scaled - first) * (count - 1))
    if second >= first:
        second += 1
    a, b = ready[first], ready[second]
    return a if a.calls <= b.calls else b


def fails_over(channel: CallerState, call: Call, result: int, now: float) -> bool:
    """Whether the call's failure is answered with another attempt; takes it from the budget if so."""
    retry = channel.link.spec.retry
    if retry is None or call.attempt >= retry.max_attempts or result not in channel.link.retry_on:
        return False
    return channel.budget is None or channel.budget.withdraw(now)
