"""A rolling update, as Kubernetes' Deployment controller does it (`pkg/controller/deployment/rolling.go`).

How many replicas of either version are started and deleted at a time depends on counts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf
from typing import Any

from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.fleet import TICK, launch, shrink
from meshquake.sim.lifecycle.strategy import Strategy
from meshquake.sim.lifecycle.watch import SUPERSEDED
from meshquake.topology.portion import Portion


@dataclass(frozen=True)
class Step:
    """What to do now: how many new replicas to start and old ones to delete, unavailable ones first."""

    start: int
    unhealthy: int
    delete: int


def step(wanted: int, surge: int, unavailable: int, new: int, new_available: int, old: int, old_available: int) -> Step:
    """Return the next step of a rolling update.

    Parameters
    ----------
    wanted
        How many replicas are desired.
    surge, unavailable
        How many more there may be, and how many of those desired may be unavailable.
    new, new_available, old, old_available
        How many replicas of either version there are, and how many of those are available. Those being deleted do not
        count.

    Returns
    -------
    Step
        New replicas are started first; their effect is considered only in the next step.
    """
    start = max(0, min(wanted + surge - new - old, wanted - new))
    new += start
    least = wanted - unavailable
    # How many may go if none of the new ones that are unavailable now ever becomes available.
    spare = new + old - least - (new - new_available)
    unhealthy = max(0, min(old - old_available, spare))
    delete = max(0, min(old_available, new_available + old_available - least, spare - unhealthy))
    return Step(start, unhealthy, delete)


class Rolling(Strategy):
    """Starts new replicas beside the old ones, and deletes old ones as new ones become available, within the limits."""

    counts = True

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        return (yield from self._go(canary, lambda reached: reached))

    def hold(self, canary: Portion, length: float | None) -> Generator[Any, Any, str]:
        end = inf if length is None else self.cluster.now + length
        return (yield from self._go(canary, lambda reached: self.cluster.now >= end))

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        self.turn(before)
        return (yield from self.forward(None))

    def _go(self, canary: Portion | None, over: Callable[[bool], bool]) -> Generator[Any, Any, str]:
        last = 0
        while True:
            if self.superseded:
                return SUPERSEDED
            available = self.replace(self.size(canary))
            rest = self.deployment.desired - self.size(canary)
            reached = available >= self.size(canary) and len(self.old) <= rest
            if over(reached):
                return ""
            problem = self.watch.stalls(self.troubled, reached or available > last)
            if problem:
                return problem
            last = available
            yield self.cluster.timeout(TICK)

    def replace(self, size: int) -> int:
        """Start and delete what is allowed now, towards `size` new replicas; return how many new ones are available."""
        deployment, new, old = self.deployment, self.new, self.old
        waiting = deployment.pending.count(self.revision)
        available = [replica for replica in new if self.available(replica)]
        old_available = [replica for replica in old if self.available(replica)]
        old_waiting = len(deployment.pending) - waiting
        surge, unavailable = deployment.rollout.limits(deployment.desired)
        counts = (len(new) + waiting, len(available), len(old) + old_waiting, len(old_available))
        now = step(deployment.desired, surge, unavailable, *counts)
        for _ in range(min(now.start, size - len(new) - waiting)):
            launch(self.cluster, deployment, self.revision, self.reason)
        most = len(old) + old_waiting - (deployment.desired - size)
        shrink(self.cluster, deployment, min(now.unhealthy + now.delete, most), lambda each: each is not self.revision)
        shrink(self.cluster, deployment, len(new) + waiting - size, lambda each: each is self.revision)
        return len(available)
