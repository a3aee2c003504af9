"""A circuit breaker at run time: resilience4j's state machine.

Closed: calls pass and their outcomes are recorded; too many failures or slow calls among them open the breaker. This
is looked at after each outcome, good or bad, once there are enough.
Open: calls are refused at once, until `open_for` has passed.
Half open: a few trial calls pass; when all have an outcome, the same thresholds decide.

The clock is the simulation's. Outcomes of calls that were let through in an earlier state do not count.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.topology.errors import BY_CODE, CODES, SUCCESS, Refusal
from meshquake.topology.policies import CircuitBreaker
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext

CLOSED: Final = 0
HALF_OPEN: Final = 1
OPEN: Final = 2
#: What is noted when the breaker enters a state.
_NOTES = ("circuit_breaker_closed", "circuit_breaker_half_open", "circuit_breaker_open")
_CIRCUIT_OPEN: Final = CODES["circuit_open"]
#: Whether the caller itself refused the call, by code: that says nothing about the callee.
_OWN_REFUSAL: Final = [error is not None and error.refusal is Refusal.CALLER for error in BY_CODE]
#: How many outcomes are kept, at least, before old ones are dropped.
_ROOM = 32


class Breaker(CallerPolicy):
    """The breaker of one caller replica and edge.

    `notify(state, now, reason)` is called at each transition.
    """

    __slots__ = (
        "_bad",
        "_by_time",
        "_failed",
        "_notify",
        "_outcomes",
        "_permits",
        "_recorded",
        "_room",
        "_slow",
        "_slow_call",
        "_until",
        "_window",
        "generation",
        "policy",
        "state",
    )

    def __init__(self, policy: CircuitBreaker, notify: Callable[[int, float, str], None]) -> None:
        self.policy = policy
        self._notify = notify
        self.state = CLOSED
        #: The number of transitions so far; a call remembers the generation in which it was let through.
        self.generation = 0
        self._slow_call = policy.slow_call
        # The window holds the outcomes whose marks are at most this far below the latest one's. A mark is the time or,
        # in a window of calls, a running number.
        self._by_time = policy.window_time is not None
        self._window: float = policy.window_calls - 1 if policy.window_time is None else policy.window_time
        self._recorded = 0
        #: Marks of the outcomes in the window, oldest first, as packed numbers: a large mesh has thousands of breakers.
        #: Nearly all belong to good calls, and without a bad one in the window nothing opens the breaker. So marks that
        #: have left the window are dropped only while bad ones are remembered, or when there are more than `_room`.
        self._outcomes = array("d")
        self._room = _ROOM
        #: (mark, failed, slow) of the bad ones among them, dropped likewise.
        self._bad: deque[tuple[float, bool, bool]] = deque()
        self._failed = 0
        self._slow = 0
        self._permits = 0
        self._until = 0.0

    def admit(self, call: Call, now: float) -> int:
        """Let the call through and note its generation, or refuse it."""
        if self.state and not self.permits(now):  # `permits`, inlined for a closed one
            return _CIRCUIT_OPEN
        call.generation = self.generation
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """Record the call's result, or give the trial back if the caller itself refused the call."""
        result = call.result
        if not _OWN_REFUSAL[result]:
            self.record(now, call.generation, result != SUCCESS, now - call.sent)
        else:
            self.forgive(call.generation)

    def withdrawn(self, call: Call, now: float) -> None:
        """Give the trial back: the call's outcome will never be known."""
        self.forgive(call.generation)

    def permits(self, now: float) -> bool:
        """Whether a call may pass; in the half-open state this uses up a trial."""
        if self.state == CLOSED:
            return True
        if self.state == OPEN:
            if now < self._until:
                return False
            self._enter(HALF_OPEN, now, "trial calls begin")
            self._permits = self.policy.half_open_calls
        if self._permits == 0:
            return False
        self._permits -= 1
        return True

    def forgive(self, generation: int) -> None:
        """Give a trial back: the call was let through but rejected before it left the caller."""
        if generation == self.generation and self.state == HALF_OPEN:
            self._permits += 1

    def record(self, now: float, generation: int, failed: bool, duration: float) -> None:
        """Record the outcome of a call that was let through in `generation` and took `duration` seconds."""
        if generation != self.generation:
            return
        self._recorded += 1
        mark = now if self._by_time else self._recorded
        outcomes = self._outcomes
        outcomes.append(mark)
        slow = duration > self._slow_call
        if failed or slow:
            self._bad.append((mark, failed, slow))
            self._failed += failed
            self._slow += slow
        if self.state == HALF_OPEN:
            if len(outcomes) >= self.policy.half_open_calls:
                reason = self._too_bad()
                if reason:
                    self._open(now, reason)
                else:
                    self._enter(CLOSED, now, "trial calls succeeded")
        elif self._bad:  # a good outcome may be what makes them enough, or the first one after others left the window
            self._forget(mark - self._window)
            if len(outcomes) >= self.policy.enough:
                reason = self._too_bad()
                if reason:
                    self._open(now, reason)
        elif len(outcomes) > self._room:
            self._forget(mark - self._window)
            self._room = max(_ROOM, 2 * len(outcomes))

    def _forget(self, last: float) -> None:
        """Drop outcomes whose marks are lower than `last`."""
        del self._outcomes[: bisect_left(self._outcomes, last)]
        while self._bad and self._bad[0][0] < last:
            _, failed, slow = self._bad.popleft()
            self._failed -= failed
            self._slow -= slow

    def _too_bad(self) -> str:
        """Return why the recorded outcomes should open the breaker; empty if they should not."""
        count = len(self._outcomes)
        if self._failed >= part(self.policy.failure_rate, count):
            return f"{self._failed} of {count} calls failed"
        if self._slow >= part(self.policy.slow_rate, count):
            return f"{self._slow} of {count} calls slower than {self.policy.slow_call:g} s"
        return ""

    def _open(self, now: float, reason: str) -> None:
        self._until = now + self.policy.open_for
        self._enter(OPEN, now, reason)

    def _enter(self, state: int, now: float, reason: str) -> None:
        self.state = state
        self.generation += 1
        del self._outcomes[:]
        self._bad.clear()
        self._failed = self._slow = 0
        self._notify(state, now, reason)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The breakers of an edge, one for each replica of the caller."""
    policy = edge.spec.breaker
    if policy is None:
        return None

    def maker(replica: Replica, warm: bool) -> Breaker:
        def notify(state: int, now: float, reason: str) -> None:
            context.journal.note(
                _NOTES[state], replica.service, replica=replica, target=edge.callee.spec.name, reason=reason
            )

        return Breaker(policy, notify)

    return maker
