"""A canary that gets a growing share of the requests, whatever its size: Argo Rollouts' canary with traffic routing.

The new replicas start beside the old ones, which all stay until the end, so that requests can go back to them at once.
Each step has as many new replicas as its share calls for (`setWeight`), or as the step says (`setCanaryScale`), and the
route changes once they are available. Flagger does the same.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import inf
from typing import Any

from meshquake.faults.release import Step
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.subset import Canary
from meshquake.sim.lifecycle.fleet import TICK, launch, shrink
from meshquake.sim.lifecycle.rolling import Rolling
from meshquake.sim.lifecycle.strategy import Strategy
from meshquake.sim.lifecycle.watch import SUPERSEDED, Watch
from meshquake.topology.portion import Portion
from meshquake.topology.units import counted, ratio


class Shifting(Strategy):
    """Starts a revision beside the previous one, and shifts requests to it step by step."""

    counts = True

    def __init__(
        self,
        cluster: Cluster,
        deployment: Deployment,
        revision: Revision,
        watch: Watch,
        before: Revision,
        steps: Sequence[Step],
    ) -> None:
        super().__init__(cluster, deployment, revision, watch)
        self._steps = steps
        self._canary = Canary(deployment, revision, before)

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        self._begin()
        problem = yield from self._all_steps()
        if problem == SUPERSEDED:
            self._give_up()
        elif not problem:
            self._shift(1.0)
            self._delete(of_canary=False)
            yield self.cluster.timeout(TICK)
            self._end()
        return problem

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        """Shift the requests back at once; if the old replicas are gone already, replace the new ones."""
        if self.deployment.canary is self._canary:
            self._shift(0.0)
            self._give_up()
        self.turn(before)
        rolling = Rolling(self.cluster, self.deployment, before, self.watch)
        rolling.reason = self.reason
        return (yield from rolling.forward(None))

    def _all_steps(self) -> Generator[Any, Any, str]:
        whole = Step(1.0, pause=0.0)
        for step in (*self._steps, whole):
            problem = yield from self._stay(step, until_available=True)
            if problem or step is whole:
                return problem
            self._shift(step.weight)
            problem = yield from self._stay(step, until_available=False)
            if problem:
                return problem
        return ""

    def _stay(self, step: Step, *, until_available: bool) -> Generator[Any, Any, str]:
        """Keep as many replicas as a step needs: until they are available, or for the length of its pause."""
        start, last = self.cluster.now, 0
        end = inf if step.pause is None else start + step.pause
        while True:
            if self.superseded:
                return SUPERSEDED
            size = step.size(self.deployment.desired)
            self._fill(size)
            available = sum(self.available(replica) for replica in self.new)
            enough = available >= size
            if enough if until_available else self.cluster.now >= end:
                return ""
            problem = self.watch.stalls(self.troubled, available > last if until_available else not self.troubled)
            if problem:
                return problem
            last = available
            yield self.cluster.timeout(TICK)

    def _fill(self, size: int) -> None:
        """Start and delete replicas until there are `size` new ones, and as many old ones as desired."""
        deployment = self.deployment
        for revision, wanted in ((self.revision, size), (self._canary.beside, deployment.desired)):
            there = [replica for replica in deployment.staying if replica.revision is revision]
            missing = wanted - len(there) - deployment.pending.count(revision)
            for _ in range(missing):
                launch(self.cluster, deployment, revision, self.reason)
            shrink(self.cluster, deployment, -missing, lambda each, of=revision: each is of)  # type: ignore[misc]

    def _begin(self) -> None:
        """Install the canary: from now on new replicas get only its share of the requests."""
        deployment = self.deployment
        if deployment.canary is not None:
            deployment.canary.revision.held = True  # superseded: it's about to be deleted
        deployment.canary = self._canary
        self.cluster.reroute(deployment.service)

    def _shift(self, share: float) -> None:
        """Set the canary's share of the requests."""
        self._canary.share = share
        self.cluster.journal.note(
            "traffic_shifted",
            self.deployment,
            version=self.revision.version,
            share=share,
            shown=ratio(share),
            replicas=len(self.new),
            with_replicas=counted(len(self.new), "replica"),
        )

    def _give_up(self) -> None:
        """Delete the canary, which gets no more requests."""
        self._canary.revision.held = True
        self._delete(of_canary=True)
        self._end()

    def _delete(self, *, of_canary: bool) -> None:
        revision = self._canary.revision
        count = len(self.deployment.replicas) + len(self.deployment.pending)
        shrink(self.cluster, self.deployment, count, lambda each: (each is revision) == of_canary)

    def _end(self) -> None:
        """Remove the canary, so that requests go to all replicas alike, unless there is another one by now."""
        if self.deployment.canary is self._canary:
            self.deployment.canary = None
            self.cluster.reroute(self.deployment.service)
