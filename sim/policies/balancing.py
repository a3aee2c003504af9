"""How a caller chooses among the ready replicas of a callee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import Balancer
from meshquake.sim.engine.tape import PICK

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica


class RoundRobin(Balancer):
    """Takes replicas in turn. Callers start at different replicas, or all would move in step."""

    __slots__ = ("_next",)

    def __init__(self, start: int) -> None:
        self._next = start

    def choose(self, ready: Sequence[Replica], call: Call) -> Replica:
        self._next += 1
        return ready[self._next % len(ready)]


class Random(Balancer):
    """Takes any replica, by the call's own draw."""

    __slots__ = ()

    def choose(self, ready: Sequence[Replica], call: Call) -> Replica:
        return ready[int(call.draws[PICK] * len(ready))]


class LeastRequest(Balancer):
    """Takes the less loaded of two random replicas (Mitzenmacher's power of two choices, Envoy's default).

    The counts are the replicas' own, as if callers shared them.
    """

    __slots__ = ()

    def choose(self, ready: Sequence[Replica], call: Call) -> Replica:
        scaled = call.draws[PICK] * len(ready)
        first = int(scaled)
        second = int((scaled - first) * (len(ready) - 1))
        if second >= first:
            second += 1
        a, b = ready[first], ready[second]
        return a if a.calls <= b.calls else b


#: How each balancer is made, by its name in a topology file; a round begins after the replica of the given number.
BALANCERS: dict[str, Callable[[int], Balancer]] = {
    "round_robin": RoundRobin,
    "random": lambda start: Random(),
    "least_request": lambda start: LeastRequest(),
}
