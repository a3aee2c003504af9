"""The error budget of a release: the share of failed requests among those that its replicas answered lately.

It looks at what servers answer, as Flagger and Argo Rollouts do when they ask for a success rate; what callers gave up
on does not count.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from meshquake.faults.release import Budget
from meshquake.sim.engine.policy import ServerPolicy
from meshquake.topology.errors import BY_CODE

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica

#: Fewest requests in a window that say anything.
_ENOUGH: Final = 10
#: Whether an outcome is a failure of the server's, by its code.
_FAILURE: Final = tuple(error is not None and error.status >= 500 for error in BY_CODE)


class ErrorBudget(ServerPolicy):
    """Counts what the replicas of one revision answer, second by second, over a sliding window.

    It's judged by `budget`.
    """

    __slots__ = ("_budget", "_seconds", "answered", "failed")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        #: Answers and failures by second, the oldest first, and their sums.
        self._seconds: deque[list[int]] = deque()
        self.answered = self.failed = 0

    def finished(self, call: Call, replica: Replica, now: float) -> None:
        """A request is answered."""
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        last, failed = self._seconds[-1], _FAILURE[call.outcome]
        last[1] += 1
        last[2] += failed
        self.answered += 1
        self.failed += failed

    def spent(self, now: float) -> bool:
        """Whether too many of the window's requests failed."""
        while self._seconds and self._seconds[0][0] < now - self._budget.window:
            _, answered, failed = self._seconds.popleft()
            self.answered -= answered
            self.failed -= failed
        return self.answered >= _ENOUGH and self.failed > self._budget.share * self.answered
