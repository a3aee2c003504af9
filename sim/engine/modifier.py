"""A fault's effect while it acts on something: pushed when the fault begins, popped when it ends.

Each modifier is removed by itself, so overlapping faults leave nothing behind, in whatever order they end.
"""

from __future__ import annotations

from collections.abc import Callable

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.addresses import uniform


class Modifier:
    """The effect of one fault on one target.

    `level` is the fault's strength over time, or None if it is steady; `operation` is the one that it is limited to, or
    -1. On an edge, it may be limited to a replica of the `caller`, of the `callee`, or both. `began` is when it was
    made (simulated seconds).
    """

    __slots__ = (
        "_callee",
        "_caller",
        "_effect",
        "_fault",
        "_level",
        "address",
        "began",
        "curbs",
        "operation",
        "throttles",
    )

    def __init__(
        self,
        fault: Fault,
        address: int,
        level: Callable[[float], float] | None,
        operation: int = -1,
        began: float = 0.0,
        caller: int | None = None,
        callee: int | None = None,
    ) -> None:
        self._caller = caller
        self._callee = callee
        self._fault = fault
        self._level = level
        self._effect = fault.strength(1.0)
        #: Address of the fault's own draws.
        self.address = address
        self.operation = operation
        self.began = began
        #: Whether it cuts CPU quotas, and whether it affects in any way how cores run.
        self.throttles = self._effect.quota < 1.0
        self.curbs = self.throttles or self._effect.pause

    def effect(self, now: float) -> Effect:
        """Its effect at this time."""
        if self._level is None:
            return self._effect
        return self._fault.strength(self._level(now))

    def between(self, caller: int, callee: int) -> bool:
        """Whether it acts on an edge between these replicas."""
        return self._caller in (None, caller) and self._callee in (None, callee)

    def strikes(self, share: float, place: int, purpose: int, number: int, attempt_path: int) -> bool:
        """Whether a call is among the `share` that is struck.

        The draw belongs to the call (given by its place, number and path) and to the purpose: a larger share strikes
        the same calls and more.
        """
        return share > 0 and self.draw(place, purpose, number, attempt_path) < share

    def draw(self, place: int, purpose: int, number: int, attempt_path: int) -> float:
        """A uniform in [0, 1) that belongs to the fault, the call and the purpose."""
        return uniform((self.address ^ place) + purpose, number, attempt_path)
