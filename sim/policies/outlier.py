"""Outlier detection at run time: Envoy's, kept by each replica of a caller for itself.

Failures in a row eject a replica at once. Everything else happens in sweeps, which start with the caller's process: a
replica that was out for long enough returns, one that was in works off one of its former ejections, and then those with
enough requests are compared. So an ejection of 30 s lasts until the first sweep that is at least 30 s later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.call import KEPT_AWAY, PANICKED
from meshquake.sim.engine.policy import CallerPolicy
from meshquake.topology import outlier
from meshquake.topology.errors import BY_CODE
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext

#: Whether an outcome is a failure, by code: a status of 500 or more, from the callee or, for want of an answer, from
#: the proxy.
_FAILED: Final = [error is not None and error.status >= 500 for error in BY_CODE]
#: Whether it is one that a gateway reports of what is behind it.
_GATEWAY: Final = [error is not None and error.status in (502, 503, 504) for error in BY_CODE]


class Host:
    """What a caller knows of one replica of the callee."""

    __slots__ = ("ejected", "failures", "gateway_failures", "requests", "since", "successes", "times")

    def __init__(self) -> None:
        #: Failures in a row.
        self.failures = 0
        self.gateway_failures = 0
        #: Counts since the last sweep.
        self.requests = 0
        self.successes = 0
        self.ejected = False
        #: When it was ejected last, and how often, minus the sweeps since at which it was in.
        self.since = 0.0
        self.times = 0

    @property
    def success_rate(self) -> float:
        """The share of requests that succeeded since the last sweep."""
        return self.successes / self.requests


class Detector(CallerPolicy):
    """The outlier detection of one caller replica and edge.

    `notify(ejected, replica, reason)` is called at each ejection and each return.
    """

    __slots__ = ("_edge", "_env", "_hosts", "_notify", "_over", "_start", "_sweeps", "ejected", "policy")

    def __init__(
        self,
        policy: outlier.Outlier,
        edge: RuntimeEdge,
        env: Environment,
        notify: Callable[[bool, Replica, str], None],
    ) -> None:
        self.policy = policy
        self._edge = edge
        self._env = env
        self._notify = notify
        self._hosts: dict[Replica, Host] = {}
        #: How many are out.
        self.ejected = 0
        self._over = False
        self._start = env._now
        self._sweeps = 0
        self._arm()

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """Return the replicas that are not ejected, or all of them if too few are left."""
        if not self.ejected:
            return ready
        left = [replica for replica in ready if not self._is_out(replica)]
        if len(left) == len(ready):
            return ready
        if len(left) < part(self.policy.panic, len(ready)):
            call.notes |= PANICKED
            return ready
        call.notes |= KEPT_AWAY
        return left

    def settle(self, call: Call, now: float) -> None:
        """Count the result of an attempt that was sent to a replica."""
        replica = call.replica
        if replica is None:
            return
        host = self._hosts.get(replica)
        if host is None:
            host = self._hosts[replica] = Host()
        host.requests += 1
        if not _FAILED[call.result]:
            host.successes += 1
            host.failures = host.gateway_failures = 0
            return
        host.failures += 1
        host.gateway_failures = host.gateway_failures + 1 if _GATEWAY[call.result] else 0
        if host.failures == self.policy.consecutive:
            host.failures = 0
            self._eject(replica, host, now, f"{self.policy.consecutive} failures in a row")
        if host.gateway_failures == self.policy.gateway:
            host.gateway_failures = 0
            self._eject(replica, host, now, f"{self.policy.gateway} gateway failures in a row")

    def callee_ended(self, replica: Replica, now: float) -> None:
        """Forget the replica: the process that replaces it is a new host."""
        host = self._hosts.pop(replica, None)
        if host is not None and host.ejected:
            self.ejected -= 1

    def end(self) -> Sequence[Call]:
        """Stop sweeping."""
        self._over = True
        return ()

    def _is_out(self, replica: Replica) -> bool:
        host = self._hosts.get(replica)
        return host is not None and host.ejected

    def _eject(self, replica: Replica, host: Host, now: float, reason: str) -> None:
        """Eject a replica, unless too many are out already; one always may be."""
        hosts = len(self._edge.callee.beside(replica))
        if host.ejected or (self.ejected and self.ejected >= part(self.policy.most, hosts)):
            return
        host.ejected = True
        host.since = now
        # Counting beyond the longest ejection would only delay forgetting.
        if self.policy.ejection * host.times < max(self.policy.longest, self.policy.ejection):
            host.times += 1
        self.ejected += 1
        self._notify(True, replica, reason)

    def _arm(self) -> None:
        self._sweeps += 1
        self._env.call_at(self._start + self._sweeps * self.policy.interval, self._sweep)

    def _sweep(self, _: None) -> None:
        if self._over:
            return
        now = self._env._now
        for replica, host in self._hosts.items():
            if not host.ejected:
                host.times = max(0, host.times - 1)
            elif now - host.since >= self._out_for(host):
                host.ejected = False
                host.failures = host.gateway_failures = 0
                self.ejected -= 1
                self._notify(False, replica, f"{now - host.since:.1f} s are over")
        self._compare(now)
        for host in self._hosts.values():
            host.requests = host.successes = 0
        self._arm()

    def _out_for(self, host: Host) -> float:
        longest = max(self.policy.longest, self.policy.ejection)
        return min(self.policy.ejection * host.times, longest)

    def _compare(self, now: float) -> None:
        """Eject replicas whose success rates are too far below the others', or too low in themselves."""
        if (rule := self.policy.success_rate) is not None:
            judged = self._judged(rule.requests, rule.hosts)
            rates = [host.success_rate for _, host in judged]
            mean = sum(rates) / len(rates) if rates else 0.0
            deviation = sqrt(sum((rate - mean) ** 2 for rate in rates) / len(rates)) if rates else 0.0
            threshold = mean - rule.factor * deviation
            for replica, host in judged:
                if host.success_rate < threshold:
                    reason = f"success rate {host.success_rate:.1%}, below {threshold:.1%}"
                    self._eject(replica, host, now, reason)
        if (limit := self.policy.failure_share) is not None:
            for replica, host in self._judged(limit.requests, limit.hosts):
                if host.requests - host.successes >= part(limit.threshold, host.requests):
                    self._eject(replica, host, now, f"{1.0 - host.success_rate:.1%} of {host.requests} calls failed")

    def _judged(self, requests: int, hosts: int) -> list[tuple[Replica, Host]]:
        """Return the replicas that are in and had enough requests; none if they are too few."""
        enough = [each for each in self._hosts.items() if not each[1].ejected and each[1].requests >= requests]
        return enough if len(enough) >= hosts else []


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The detectors of an edge, one for each replica of the caller."""
    policy = edge.spec.outlier
    if policy is None:
        return None
    target = edge.callee.spec.name

    def maker(caller: Replica, warm: bool) -> Detector:
        def notify(ejected: bool, replica: Replica, reason: str) -> None:
            name = "outlier_ejected" if ejected else "outlier_returned"
            context.journal.note(name, caller.service, replica=caller, target=target, host=replica.name, reason=reason)

        return Detector(policy, edge, context.env, notify)

    return maker
