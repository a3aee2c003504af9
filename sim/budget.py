"""A retry budget at run time: retries may be a share of recent calls plus some a second (Finagle, Linkerd)."""

from __future__ import annotations

from collections import deque

from topology.policies import RetryBudget

_SLOTS = 10  # the window slides in tenths, as Finagle's windowed token bucket does


class Budget:
    """The retry budget of one caller replica and edge."""

    __slots__ = ("_balance", "_policy", "_slot", "_slots", "_width")

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        self._width = policy.window / _SLOTS
        #: [slot number, tokens put in less tokens taken out] of each slot in the window, oldest first.
        self._slots: deque[list[float]] = deque()
        self._slot: list[float] = [-1, 0.0]
        self._balance = 0.0

    def deposit(self, now: float) -> None:
        """A call is made: the budget grows by its ratio."""
        if now // self._width != self._slot[0]:
            self._turn(now)
        ratio = self._policy.ratio
        self._slot[1] += ratio
        self._balance += ratio

    def withdraw(self, now: float) -> bool:
        """A retry is wanted: take a token if there is one."""
        if now // self._width != self._slot[0]:
            self._turn(now)
        if self._balance + self._policy.minimum * self._policy.window < 1:
            return False
        self._slot[1] -= 1
        self._balance -= 1
        return True

    def _turn(self, now: float) -> None:
        """Begin the slot of `now` and forget those that have left the window."""
        number = now // self._width
        self._slot = [number, 0.0]
        self._slots.append(self._slot)
        while self._slots[0][0] <= number - _SLOTS:
            self._balance -= self._slots.popleft()[1]
