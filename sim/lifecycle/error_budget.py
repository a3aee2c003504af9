"""The error budget of a release: the share of recently answered requests of its replicas that may fail.

It counts what servers answer, as Flagger and Argo Rollouts do when they query a success rate; calls that callers gave
up on do not count.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from meshquake.faults.release import Budget
from meshquake.sim.engine.policy import ServerPolicy
from meshquake.topology.errors import BY_CODE
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica

#: The fewest requests in a window that allow a verdict.
_ENOUGH: Final = 10
#: Whether an outcome is a server error, by its code.
_FAILURE: Final = tuple(error is not None and error.status >= 500 for error in BY_CODE)


class ErrorBudget(ServerPolicy):
    """Counts the answers of one revision's replicas per second over a sliding window, and judges them by `budget`."""

    __slots__ = ("_budget", "_seconds", "answered", "failed")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        #: Answers and failures per second, oldest first, and their sums.
        self._seconds: deque[list[int]] = deque()
        self.answered = self.failed = 0

    def finished(self, call: Call, replica: Replica, now: float) -> None:
        """Count a request that was answered."""
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        last, failed = self._seconds[-1], _FAILURE[call.outcome]
        last[1] += 1
        last[2] += failed
        self.answered += 1
        self.failed += failed

    def spent(self, now: float) -> bool:
        """Return whether too many requests in the window failed."""
        while self._seconds and self._seconds[0][0] < now - self._budget.window:
            _, answered, failed = self._seconds.popleft()
            self.answered -= answered
            self.failed -= failed
        return self.answered >= _ENOUGH and self.failed > part(self._budget.share, self.answered)
