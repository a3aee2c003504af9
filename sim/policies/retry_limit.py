"""What limits on retries have in common: each says whether another is allowed, and when that changes it's noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext

#: Hears that retries stop (True) or are made again, and why.
Notify = Callable[[bool, str], None]


class RetryLimit(CallerPolicy):
    """A limit on the retries of one caller replica and edge; `stopped` is what it said last."""

    __slots__ = ("_notify", "stopped")

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self.stopped = False

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether another attempt may follow; the first refusal, and the first permission after it, are noted."""
        objection = self.objects(call, now)
        if bool(objection) is not self.stopped:
            self.stopped = bool(objection)
            self._notify(self.stopped, objection or "retries are allowed again")
        return not objection

    def objects(self, call: Call, now: float) -> str:
        """Why no other attempt may follow; empty if one may."""
        raise NotImplementedError


def of_each(edge: RuntimeEdge, context: PolicyContext, make: Callable[[Notify], RetryLimit]) -> Maker:
    """One limit for each replica of the caller, whose changes go to the journal."""
    target = edge.callee.spec.name

    def maker(replica: Replica, warm: bool) -> RetryLimit:
        def notify(stopped: bool, reason: str) -> None:
            name = "retries_stopped" if stopped else "retries_resumed"
            context.journal.note(name, replica.service, replica=replica, target=target, reason=reason)

        return make(notify)

    return maker
