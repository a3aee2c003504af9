"""Adaptive concurrency at run time: Envoy's gradient controller, kept by each replica of a caller.

The time that calls take without a queue (the minimum) is measured now and then, with the limit at its lowest. While
calls take no longer than the minimum and a buffer, the limit grows by its square root each interval; when they take
longer, it shrinks in proportion.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.gauge import Gauge
from meshquake.sim.policies.spell import Spell, spell_of
from meshquake.topology.addresses import address, uniform
from meshquake.topology.errors import CODES
from meshquake.topology.policies import AdaptiveConcurrency
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext

_LIMITED = CODES["concurrency_limited"]
#: After this many intervals with the limit at its lowest, the minimum is measured again.
_STUCK = 5


class Controller(CallerPolicy):
    """The limit of one caller replica and edge.

    Parameters
    ----------
    policy, env
        Its settings, and the clock.
    warm
        Whether the process has been running for long: the first minimum is then measured with the limit at its highest.
    key
        The key of its draws, which jitter the time of the next measurement.
    refusals
        Reports refused calls.
    tell_minimum
        Called with the minimum reported before (0 if none) and the new one, in seconds, when they differ by more than
        the buffer.
    """

    __slots__ = (
        "_env",
        "_kept",
        "_key",
        "_low",
        "_measured",
        "_measures",
        "_minimum",
        "_over",
        "_policy",
        "_refusals",
        "_samples",
        "_since",
        "_told",
        "limit",
    )

    def __init__(
        self,
        policy: AdaptiveConcurrency,
        env: Environment,
        warm: bool,
        key: int,
        refusals: Spell,
        tell_minimum: Callable[[float, float], None],
    ) -> None:
        self._policy = policy
        self._env = env
        self._key = key
        self.limit = policy.least
        #: The minimum in seconds; 0 before the first measurement.
        self._minimum = 0.0
        #: How long calls took since the last update, or since the measurement began.
        self._samples: list[float] = []
        #: Whether the minimum is being measured, since when, and the limit to restore afterwards.
        self._measures = True
        self._since = env._now
        self._kept = policy.least
        self._measured = 0
        #: How many updates the limit has been at its lowest.
        self._low = 0
        self._over = False
        if warm:
            self.limit = self._kept = policy.most
        self._refusals = refusals
        self._told = Gauge(env, 1.0 + policy.buffer, 0.0, tell_minimum)
        env.call_at(env._now + policy.interval, self._update)

    def admit(self, call: Call, now: float) -> int:
        """Refuse the call if it exceeds the limit; it is counted already."""
        caller = call.caller
        assert caller is not None
        if caller.of_all_parts <= self.limit:
            return PASS
        reason = f"the limit is {self.limit}"
        self._refusals.strike(f"{reason} while the minimum is measured" if self._measures else reason)
        return _LIMITED

    def settle(self, call: Call, now: float) -> None:
        """Record how long a call took, if it was sent."""
        if call.replica is None or (self._measures and call.sent < self._since):
            return
        self._samples.append(now - call.sent)
        if self._measures and len(self._samples) >= self._policy.samples:
            self._minimum = self._percentile()
            self._told.set(self._minimum)
            self._measures = False
            self.limit = self._kept
            self._low = 0
            self._measured += 1
            jitter = 1.0 + self._policy.jitter * uniform(self._key, self._measured)
            self._env.call_at(now + self._policy.remeasure * jitter, self._remeasure, self._measured)

    def end(self) -> Sequence[Call]:
        """Stop updating."""
        self._over = True
        self._refusals.end()
        return ()

    def _percentile(self) -> float:
        samples = sorted(self._samples)
        self._samples.clear()
        return samples[ceil(part(self._policy.percentile, len(samples))) - 1]

    def _remeasure(self, number: int) -> None:
        if not self._over and not self._measures and number == self._measured:
            self._measure()

    def _measure(self) -> None:
        """Start measuring the minimum, from calls that are sent from now on."""
        self._measures = True
        self._since = self._env._now
        self._samples.clear()
        self._kept = self.limit
        self.limit = self._policy.least

    def _update(self, _: None) -> None:
        """Adapt the limit to how long calls took in the interval that ends now."""
        if self._over:
            return
        policy = self._policy
        self._env.call_at(self._env._now + policy.interval, self._update)
        if self._measures or not self._samples:
            return
        gradient = min(2.0, max(0.5, (1.0 + policy.buffer) * self._minimum / max(self._percentile(), 1e-9)))
        scaled = gradient * self.limit
        self.limit = max(policy.least, min(policy.most, int(scaled + sqrt(scaled))))
        self._low = self._low + 1 if self.limit == policy.least else 0
        if self._low >= _STUCK:
            self._measure()


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The limits of an edge, one for each replica of the caller."""
    policy = edge.spec.adaptive_concurrency
    if policy is None:
        return None

    target = edge.callee.spec.name

    def maker(replica: Replica, warm: bool) -> Controller:
        def tell_minimum(before: float, minimum: float) -> None:
            context.journal.note(
                "minimum_measured",
                replica.service,
                replica=replica,
                target=target,
                minimum_ms=round(minimum * 1000, 3),
                previous_ms=round(before * 1000, 3) if before else None,
            )

        key = address(context.seed, "adaptive concurrency", f"{replica.name} {target}")
        refusals = spell_of(context, edge, replica, "limiting_started", "limiting_stopped")
        return Controller(policy, context.env, warm, key, refusals, tell_minimum)

    return maker
