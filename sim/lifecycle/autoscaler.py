"""The autoscaler of a deployment: Kubernetes' HorizontalPodAutoscaler.

The recommendation (`replica_calculator.go`), its stabilization and the limits on the rate of change (`horizontal.go`)
are functions of figures alone; the process `Autoscaler` evaluates and applies them once per sync period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Final

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.replica import Replica
from meshquake.sim.lifecycle.fleet import TICK, scale
from meshquake.topology.autoscale import Autoscale, ScaleDown, ScaleUp

#: A ratio such as .5 / .25 should be whole, but may come out a hair above that and would then be rounded up.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Figures:
    """What is known about the replicas of a deployment: the figures of the ready ones, and how many others there are.

    `unready` replicas have not been ready for long enough to be judged by; nothing is known about `missing` ones.
    """

    ready: Sequence[float]
    unready: int = 0
    missing: int = 0


def recommend(current: int, figures: Figures, target: float, tolerance: float, full: float) -> int:
    """Return how many replicas there should be.

    Parameters
    ----------
    current
        How many are desired now.
    figures
        The figure of each replica, in the unit of `target`.
    target
        What the average figure should be.
    tolerance
        How far the ratio of average to target may be from 1 before anything changes.
    full
        The figure of a replica under full load. Where the known figures call for fewer replicas, missing ones are
        assumed to be at `full`; where they call for more, missing and unready ones are assumed to be at 0.
    """
    known = len(figures.ready)
    ratio = sum(figures.ready) / known / target if known else 1.0
    if ratio == 1.0:
        return current
    if not figures.missing and not (figures.unready and ratio > 1):
        return current if _close(ratio, tolerance) else _up(ratio * known)
    counted = known + figures.missing + (figures.unready if ratio > 1 else 0)
    assumed = figures.missing * full if ratio < 1 else 0.0
    careful = (sum(figures.ready) + assumed) / counted / target
    if _close(careful, tolerance) or (ratio < 1) != (careful < 1):
        return current
    recommended = _up(careful * counted)
    turned = recommended > current if careful < 1 else recommended < current
    return current if turned else recommended


def _close(ratio: float, tolerance: float) -> bool:
    return abs(1.0 - ratio) <= tolerance + _ROUNDING


def _up(amount: float) -> int:
    return ceil(amount - _ROUNDING)


@dataclass(frozen=True)
class Change:
    """A change of the number of replicas: when (seconds), and by how many."""

    time: float
    by: int


class Pace:
    """Decides how fast recommendations are followed, from recent recommendations and changes."""

    def __init__(self, policy: Autoscale) -> None:
        self._policy = policy
        self._recommended: deque[tuple[float, int]] = deque()
        self._changes: deque[Change] = deque()

    def adopt(self, policy: Autoscale) -> None:
        """Go by another policy from now on, and keep the history."""
        self._policy = policy

    def follow(self, now: float, current: int, recommended: int) -> int:
        """Return how many replicas are desired from now on, given the latest recommendation."""
        policy = self._policy
        self._recommended.append((now, recommended))
        self._forget(now)
        wanted = self._stable(now, current)
        if wanted > current:
            most = max(current, self._most(now, current, policy.up))
            wanted = min(wanted, most)
        elif wanted < current:
            least = min(current, self._least(now, current, policy.down))
            wanted = max(wanted, least)
        wanted = max(policy.minimum, min(policy.maximum, wanted))
        if wanted != current:
            self._changes.append(Change(now, wanted - current))
        return wanted

    def _stable(self, now: float, current: int) -> int:
        """Return the recommendation within the stabilization windows that is nearest to the current number."""
        lowest = min(number for time, number in self._recommended if self._lately(time, now, self._policy.up.window))
        highest = max(number for time, number in self._recommended if self._lately(time, now, self._policy.down.window))
        return lowest if current < lowest else min(current, highest)

    def _lately(self, time: float, now: float, window: float) -> bool:
        # The latest one counts however short the window.
        return time == now or time > now - window

    def _most(self, now: float, current: int, rules: ScaleUp) -> int:
        start = current - self._changed(now, rules.period)
        limits = [] if rules.share is None else [_up(start * (1 + rules.share))]
        limits += [] if rules.replicas is None else [start + rules.replicas]
        return max(limits, default=self._policy.maximum)

    def _least(self, now: float, current: int, rules: ScaleDown) -> int:
        start = current - self._changed(now, rules.period)
        limits = [] if rules.share is None else [floor(start * (1 - rules.share) + _ROUNDING)]
        limits += [] if rules.replicas is None else [start - rules.replicas]
        return min(limits, default=self._policy.minimum)

    def _changed(self, now: float, period: float) -> int:
        """Return by how many the number of replicas has changed within the last `period` seconds."""
        return sum(change.by for change in self._changes if change.time > now - period)

    def _forget(self, now: float) -> None:
        """Drop history that no window and no period reaches back to."""
        policy = self._policy
        while self._recommended[0][0] < now - max(policy.up.window, policy.down.window):
            self._recommended.popleft()
        while self._changes and self._changes[0].time <= now - max(policy.up.period, policy.down.period):
            self._changes.popleft()


#: A running total of a replica; its growth per second is the replica's figure.
Total = Callable[[Replica, float], float]


def _core_shares(replica: Replica, now: float) -> float:
    return replica.core_seconds(now) / replica.service.spec.cores


def _answered(replica: Replica, now: float) -> float:
    return replica.handled


def _targets(policy: Autoscale) -> dict[str, tuple[Total, float, float]]:
    """Return by metric what is compared with a target: the total, the target, and the figure at full load."""
    found: dict[str, tuple[Total, float, float]] = {}
    if policy.cpu is not None:
        # Kubernetes assumes that a replica without metrics uses all that it requested, or the target if that is more.
        found["cpu"] = (_core_shares, policy.cpu, max(1.0, policy.cpu))
    if policy.requests is not None:
        found["requests"] = (_answered, policy.requests, policy.requests)
    return found


def look_after(cluster: Cluster, deployment: Deployment) -> None:
    """Start the autoscaler of a deployment, if it has one that does not run yet."""
    policy = deployment.autoscale
    if policy is not None and deployment not in cluster.scaled:
        cluster.scaled.add(deployment)
        cluster.env.process(Autoscaler(cluster, deployment, policy).run())


class Autoscaler:
    """The autoscaler of one deployment."""

    def __init__(self, cluster: Cluster, deployment: Deployment, policy: Autoscale) -> None:
        self._cluster = cluster
        self._deployment = deployment
        self._policy = policy
        self._pace = Pace(policy)
        self._targets = _targets(policy)
        #: The totals of each replica at the last sync, by metric.
        self._last: Mapping[str, dict[Replica, float]] = {name: {} for name in self._targets}

    def run(self) -> Generator[Any, Any, None]:
        """Evaluate the deployment once per sync period, and scale it."""
        while True:
            self._look()
            yield self._cluster.timeout(self._policy.sync)
            deployment, current = self._deployment, self._deployment.desired
            policy = deployment.autoscale
            if policy is None:
                continue  # it was switched off, and may be switched on again
            self._adopt(policy)
            recommended, reason = self._recommend(current)
            wanted = self._pace.follow(self._cluster.now, current, recommended)
            if wanted == current:
                continue
            name = "scaled_up" if wanted > current else "scaled_down"
            self._cluster.journal.note(name, deployment, previous=current, replicas=wanted, reason=reason)
            deployment.desired = wanted
            if not deployment.managed:
                scale(self._cluster, deployment, name.replace("_", " "))
            if wanted > current:
                self._cluster.env.process(self._shortage())

    def _adopt(self, policy: Autoscale) -> None:
        if policy is not self._policy:
            self._policy, self._targets = policy, _targets(policy)
            self._pace.adopt(policy)

    def _look(self) -> None:
        now = self._cluster.now
        self._last = {
            name: {replica: total(replica, now) for replica in self._deployment.staying if replica.up}
            for name, (total, _, _) in self._targets.items()
        }

    def _recommend(self, current: int) -> tuple[int, str]:
        """Return the highest recommendation and the reason for it; outside the bounds no metric is looked at."""
        if current > self._policy.maximum:
            return self._policy.maximum, "above the maximum"
        if current < self._policy.minimum:
            return self._policy.minimum, "below the minimum"
        found = {}
        for name, (total, target, full) in self._targets.items():
            figures = self._figures(name, total)
            found[name] = recommend(current, figures, target, self._policy.tolerance, full)
        reason = max(found, key=lambda name: found[name])
        side = "above" if found[reason] > current else "below"
        return found[reason], f"{reason} {side} target"

    def _figures(self, name: str, total: Total) -> Figures:
        now, last = self._cluster.now, self._last.get(name, {})
        ready, unready, missing = [], 0, len(self._deployment.pending)
        for replica in self._deployment.staying:
            if self._is_unready(replica, now):
                unready += 1
            elif replica not in last or not replica.up:
                missing += 1
            else:
                # The total of a process that restarted meanwhile counts from 0.
                grown = total(replica, now) - last[replica]
                ready.append(max(0.0, grown) / self._policy.sync)
        return Figures(ready, unready, missing)

    def _is_unready(self, replica: Replica, now: float) -> bool:
        """Return whether a replica is too young to be judged by, or has never been ready (`groupPods`)."""
        policy = self._policy
        if replica.created + policy.cpu_initialization > now:
            return not replica.ready or now - replica.since < policy.sync
        return not replica.ready and replica.created + policy.initial_readiness > replica.since

    def _shortage(self) -> Generator[Any, Any, None]:
        """Record how long the requested replicas were missing, which explains why requests waited."""
        deployment, start = self._deployment, self._cluster.now
        shortage = (start, float("inf"))
        deployment.shortages.append(shortage)
        place = len(deployment.shortages) - 1
        while len(deployment.ready) < deployment.desired:
            yield self._cluster.timeout(TICK)
        deployment.shortages[place] = (start, self._cluster.now)
