"""A caller's deadline beyond the timeout of an attempt: over all attempts, or that of the caller's own caller.

Envoy's and Istio's route timeout covers all attempts and the pauses between them; gRPC's deadline does, and travels
with the request besides: what a service calls while it works on a request is given up when the request is. An attempt
that could only be sent later isn't made, so its caller doesn't wait for the end of a pause in vain; Envoy would answer
at the deadline itself, a pause later at most.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.topology.errors import CODES

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.engine import CallEngine
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.policies.context import Maker, PolicyContext

_TIMEOUT = CODES["timeout"]


class Deadline(CallerPolicy):
    """The deadline of the calls on an edge, the same for all replicas of the caller.

    Parameters
    ----------
    overall
        Longest wait for a call with all its attempts, in seconds.
    inherits
        Whether a call's deadline is never later than that of the request it is made for.
    timeout
        The longest wait for one attempt, which has a timer of its own.
    """

    __slots__ = ("_engine", "_env", "_expire", "_inherits", "_overall", "_timeout")

    def __init__(
        self, env: Environment, engine: CallEngine, overall: float | None, inherits: bool, timeout: float | None
    ) -> None:
        self._env = env
        self._engine = engine
        self._overall = inf if overall is None else overall
        self._inherits = inherits
        self._timeout = inf if timeout is None else timeout
        self._expire = self._on_ring

    def admit(self, call: Call, now: float) -> int:
        """Watch an attempt, unless its own timeout comes first; what has no time left isn't sent."""
        call.deadline = ends = self._ends(call, now) if call.former is None else call.former.deadline
        if ends <= now:
            return _TIMEOUT
        if ends < now + self._timeout:
            self._env.call_at(ends, self._expire, call)
        return PASS

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether there is still time by then."""
        return call.next_at < call.deadline

    def _ends(self, call: Call, now: float) -> float:
        return min(now + self._overall, left(call) if self._inherits else inf)

    def _on_ring(self, call: Call) -> None:
        if call.waiting:
            self._engine.timed_out(call)


def left(call: Call) -> float:
    """The time until which somebody waits for the request that a call is made for; no end for a user."""
    request = call.parent
    assert request is not None
    while request.site.branch:  # a part of what the caller does
        assert request.parent is not None
        request = request.parent
    caller = request.caller
    if caller is None:
        return inf
    timeout = caller.edge.spec.timeout
    ends = request.deadline if "deadline" in caller.policies else inf
    return ends if timeout is None else min(ends, request.sent + timeout)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The deadlines of an edge."""
    spec = edge.spec
    if spec.overall_timeout is None and not spec.inherit_deadline:
        return None
    deadline = Deadline(context.env, context.engine, spec.overall_timeout, spec.inherit_deadline, spec.timeout)
    return lambda replica, warm: deadline
