"""A retry budget at run time: retries may be a share of recent calls plus some a second (Finagle, Linkerd)."""

from __future__ import annotations

from collections import deque

from topology.policies import RetryBudget

_SLOTS = 10  # the window slides in tenths, as Finagle's windowed token bucket does


class Budget:
    """The retry budget of one caller replica and edge."""

    __slots__ = ("_balance", "_number", "_policy", "_ratio", "_slots", "_tokens", "_width")

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        self._ratio = policy.ratio
        self._width = policy.window / _SLOTS
        #: The current slot: its number, and the tokens put in less those taken out.
        self._number = -1.0
        self._tokens = 0.0
        #: The same of the other slots in the window, oldest first.
        self._slots: deque[tuple[float, float]] = deque()
        self._balance = 0.0

    def deposit(self, now: float) -> None:
        """A call is made: the budget grows by its ratio."""
        if now // self._width != self._number:
            self._turn(now)
        ratio = self._ratio
        self._tokens += ratio
        self._balance += ratio

    def withdraw(self, now: float) -> bool:
        """A retry is wanted: take a token if there is one."""
        if now // self._width != self._number:
            self._turn(now)
        if self._balance + self._policy.minimum * self._policy.window < 1:
            return False
        self._tokens -= 1
        self._balance -= 1
        return True

    def _turn(self, now: float) -> None:
        """Begin the slot of `now` and forget those that have left the window."""
        slots = self._slots
        slots.append((self._number, self._tokens))
        self._number = now // self._width
        self._tokens = 0.0
        while slots and slots[0][0] <= self._number - _SLOTS:
            self._balance -= slots.popleft()[1]
