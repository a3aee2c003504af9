"""Deadlines beyond the timeout of an attempt: one over all attempts of a call, or that of the request it is made for.

The route timeout of Envoy and Istio covers all attempts and the pauses between them. So does gRPC's deadline, which
also travels with the request: what a service calls for a request is given up with the request. An attempt that could
only be sent after the deadline is not made, so its caller does not wait in vain for the end of a pause; Envoy would
answer at the deadline itself, at most one pause later.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.timeout import Timeout
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
        The longest wait for a call with all its attempts, in seconds.
    inherits
        Whether a call's deadline is at most that of the request it is made for.
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
        """Watch an attempt, unless its own timeout comes first; refuse it if no time is left."""
        # The first attempt may have been made when the edge had no deadline.
        call.deadline = ends = self._ends(call, now) if call.former is None else _deadline(call.former)
        if ends <= now:
            return _TIMEOUT
        if ends < now + self._timeout:
            self._env.call_at(ends, self._expire, call)
        return PASS

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether there is time left when the next attempt would be sent."""
        return call.next_at < _deadline(call)

    def _ends(self, call: Call, now: float) -> float:
        return min(now + self._overall, left(call) if self._inherits else inf)

    def _on_ring(self, call: Call) -> None:
        if call.waiting:
            self._engine.timed_out(call)


def left(call: Call) -> float:
    """Return the time until which somebody waits for the request that a call is made for; inf for a user."""
    request = call.parent
    assert request is not None
    while request.site.branch:  # a branch of the caller's own work
        assert request.parent is not None
        request = request.parent
    caller = request.caller
    if caller is None:
        return inf
    timeout = caller.policies.get("timeout")
    ends = _deadline(request)
    return min(ends, request.sent + timeout.length) if isinstance(timeout, Timeout) else ends


def _deadline(call: Call) -> float:
    """Return the deadline of a call; inf if it has none."""
    return getattr(call, "deadline", inf)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The deadlines of an edge."""
    spec = edge.spec
    if spec.overall_timeout is None and not spec.inherit_deadline:
        return None
    deadline = Deadline(context.env, context.engine, spec.overall_timeout, spec.inherit_deadline, spec.timeout)
    return lambda replica, warm: deadline
