"""Composes the policies of edges and services, a row for each.

A new caller policy is data in `topology/policies.py` (and a key of `Edge`), a file here with a class and a function
`of`, and a row in `CALLER`; likewise a server policy, with a row in `SERVER`.
"""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from typing import TYPE_CHECKING, Any

from meshquake.sim.engine.caller_state import CallerState, Ingress
from meshquake.sim.engine.policy import Balancer, CallerPolicy, ServerPolicy, overriding
from meshquake.sim.engine.subset import Canary
from meshquake.sim.policies import (
    adaptive_concurrency,
    avoid_tried,
    base_errors,
    breaker,
    bulkhead,
    client_throttle,
    collections,
    contention,
    deadline,
    error_rate,
    hedge,
    outlier,
    pool,
    rate_limit,
    retry,
    retry_breaker,
    retry_bucket,
    retry_budget,
    retry_concurrency,
    retry_tokens,
    timeout,
    versions,
)
from meshquake.sim.policies.balancing import BALANCERS
from meshquake.sim.policies.context import CallerRow, Maker, PolicyContext, ServerRow
from meshquake.sim.policies.queue import DISCIPLINES
from meshquake.sim.policies.subsets import OWN, ByWeight, OnlyThese, SubsetChoice
from meshquake.topology.plugins import PluginError
from meshquake.topology.policies import ADDED

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


#: The policies of callers by name, in the order in which an attempt meets them; policies of packages follow.
CALLER: dict[str, CallerRow] = {
    "versions": versions.of,
    "hedge": hedge.of,
    "deadline": deadline.of,
    "budget": retry_budget.of,
    "tokens": retry_tokens.of,
    "bucket": retry_bucket.of,
    "retry_breaker": retry_breaker.of,
    "retry_concurrency": retry_concurrency.of,
    "throttle": client_throttle.of,
    "outlier": outlier.of,
    "avoid_tried": avoid_tried.of,
    "breaker": breaker.of,
    "bulkhead": bulkhead.of,
    "adaptive_concurrency": adaptive_concurrency.of,
    "retry": retry.of,
}
#: The keys of an edge with the settings of a policy, where these differ from the policy's name.
KEYS = {
    "budget": ("retry", "hedge"),
    "tokens": ("retry", "hedge"),
    "bucket": ("retry",),
    "retry_breaker": ("retry",),
    "retry_concurrency": ("retry",),
    "versions": (),  # of the callee's
    "deadline": ("overall_timeout", "inherit_deadline", "timeout"),
}
#: The policies that an attempt meets last. Whatever holds calls belongs here, behind the timeout, which covers the
#: wait. The pool is the very last: a call refused behind it would keep its connection.
LAST: dict[str, CallerRow] = {
    "timeout": timeout.of,
    "pool": pool.of,
}
#: The policies of servers by name, in the order in which a request meets them; then the request waits in the queue.
SERVER: dict[str, ServerRow] = {
    "rate_limit": rate_limit.of,
    "contention": contention.of,
    "base_errors": base_errors.of,
    "error_rate": error_rate.of,
    "collections": collections.of,
}


class Composed:
    """The policies of one edge, composed once; `state` makes what a replica of the caller keeps."""

    def __init__(self, edge: RuntimeEdge, context: PolicyContext) -> None:
        self._edge = edge
        own, last = (
            {name: maker for name, of in rows.items() if (maker := of(edge, context)) is not None}
            for rows in (CALLER, LAST)
        )
        self._added = dict(edge.spec.policies)
        rival = next((name for name in ("retry", "hedge") if name in own), "")
        added = {name: _added(name, settings, rival) for name, settings in edge.spec.policies}
        self._makers = own | added | last
        self._balancer = BALANCERS[edge.spec.balance]

    def state(self, replica: Replica, warm: bool) -> CallerState:
        """Return what a new process of the replica knows of the callee."""
        return self._state(replica, warm, None, frozenset())

    def successor(self, before: CallerState, replica: Replica, changed: Set[str]) -> CallerState:
        """Return the state after settings of the edge have changed; `changed` has their keys in a topology file.

        A policy whose settings are unchanged keeps what it has learned. `changed` is empty if only the shares of the
        callee's versions and canaries have changed.
        """
        return self._state(replica, False, before, changed)

    def _state(self, replica: Replica, warm: bool, before: CallerState | None, changed: Set[str]) -> CallerState:
        subsets = self._edge.callee.subsets
        make = partial(self._policy, replica, warm, changed)
        if not subsets:
            former = None if before is None else before.part(self._edge.callee.deployments[0].stable)
            if former is not None and not changed:
                return former.alone()
            policies = {name: make(name, former) for name in self._makers}
            return CallerState(self._edge, self._balance(replica, former, changed), policies)
        shared = {name: make(name, before) for name in self._makers if name not in OWN}
        parts = {}
        for subset in subsets:
            former = None if before is None else before.former(subset)
            if former is None or changed:
                narrows = {"subset": OnlyThese(subset)} if isinstance(subset, Canary) else {}
                policies = {name: shared[name] if name in shared else make(name, former) for name in self._makers}
                former = CallerState(self._edge, self._balance(replica, former, changed), narrows | policies)
            parts[subset] = former
        whole = CallerState(self._edge, self._balance(replica, before, changed), shared)
        whole.split(parts, SubsetChoice(ByWeight(self._edge.callee), parts))
        return whole

    def _policy(
        self, replica: Replica, warm: bool, changed: Set[str], name: str, former: CallerState | None
    ) -> CallerPolicy:
        """Return a policy by name: that of the former state if its settings are unchanged, else a new one."""
        if former is not None and name in former.policies and changed.isdisjoint(self._keys(name)):
            return former.policies[name]
        return self._makers[name](replica, warm)

    def _balance(self, replica: Replica, former: CallerState | None, changed: Set[str]) -> Balancer:
        return self._balancer(replica.index) if former is None or "balance" in changed else former.balancer

    def _keys(self, name: str) -> tuple[str, ...]:
        """Return the keys of an edge that have the settings of a policy."""
        return ("policies",) if name in self._added else KEYS.get(name, (name,))


def _added(name: str, settings: Any, rival: str) -> Maker:
    """Return how a package's policy is made, on an edge with retries, hedges or neither; PluginError if it can't be."""
    policy = ADDED[name]
    if not issubclass(policy, CallerPolicy):
        raise PluginError(f"policy {name}: {policy.__qualname__} must be derived from meshquake.extending.CallerPolicy")
    if rival and policy.pause is not CallerPolicy.pause:
        raise PluginError(f"policy {name}: it decides on attempts (pause), and so does `{rival}` of the same edge")
    return lambda replica, warm: policy(settings)


def serve(replica: Replica, context: PolicyContext, meter: ServerPolicy | None = None) -> None:
    """Give a new process of a replica its queue and its policies; the last may be a meter of its version."""
    queue = replica.service.spec.queue
    replica.queue = DISCIPLINES[queue.discipline](queue, context.engine.shed)
    guard(replica, context, meter)


def guard(replica: Replica, context: PolicyContext, meter: ServerPolicy | None = None) -> None:
    """Give a process of a replica its policies, without its queue."""
    policies = [maker(replica) for of in SERVER.values() if (maker := of(replica.service, context)) is not None]
    if meter is not None:
        policies.append(meter)
    replica.admits = overriding(policies, "admit")
    replica.lengthens = overriding(policies, "lengthen")
    replica.finishes = overriding(policies, "finished")


def ingress(balance: str, service: Service) -> Ingress:
    """Return where users of an entry come in; their only policy is the choice among versions and replicas."""
    return Ingress(BALANCERS[balance](0), versions.route(service))
