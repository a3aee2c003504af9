"""A release from start to end: a version is rolled out to a deployment by its strategy, and stays or is rolled back.

During the rollout, and as long as it is watched afterwards, it is rolled back when health checks fail for too long,
when its error budget is spent, or by hand. A release that begins while another is under way supersedes it, as in
Kubernetes: no more replicas get the older version, and those that have it get the newer one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from meshquake.faults.fault import Fault
from meshquake.faults.release import Release
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.blue_green import BlueGreen
from meshquake.sim.lifecycle.error_budget import ErrorBudget
from meshquake.sim.lifecycle.fleet import TICK
from meshquake.sim.lifecycle.in_place import InPlace, replace
from meshquake.sim.lifecycle.recreate import Recreate
from meshquake.sim.lifecycle.rolling import Rolling
from meshquake.sim.lifecycle.shifting import Shifting
from meshquake.sim.lifecycle.strategy import Strategy, wait_until_replaced
from meshquake.sim.lifecycle.watch import BY_HAND, SUPERSEDED, Watch
from meshquake.topology.rollout import BLUE_GREEN, IN_PLACE, RECREATE, ROLLING

_STRATEGIES: Final[dict[str, type[Strategy]]] = {
    ROLLING: Rolling,
    RECREATE: Recreate,
    BLUE_GREEN: BlueGreen,
    IN_PLACE: InPlace,
}
#: What events call a strategy: a StatefulSet's is a rolling one.
_CALLED: Final = {IN_PLACE: ROLLING}


def rollout(
    cluster: Cluster, deployment: Deployment, fault: Fault | None, release: Release
) -> Generator[Any, Any, tuple[Revision, bool]]:
    """Roll a version out, and back if there is a reason; return its revision and whether it stayed.

    The effect of `fault`, if given, acts on each replica for as long as it runs the version.
    """
    canary = deployment.canary
    before = deployment.revision if canary is None else canary.beside
    revision, watch = _released(cluster, fault, release, before)
    deployment.revision = revision
    word = deployment.rollout.strategy
    if release.canary is not None and word != IN_PLACE:
        word = ROLLING  # the only one that can stop half way
    cluster.journal.note(
        "deployment",
        deployment,
        version=release.version,
        previous=before.version,
        replicas=deployment.desired,
        strategy="canary" if release.steps else _CALLED.get(word, word),
    )
    if release.steps:
        strategy: Strategy = Shifting(cluster, deployment, revision, watch, before, release.steps)
    else:
        strategy = _STRATEGIES[word](cluster, deployment, revision, watch)
    deployment.managed = strategy.counts
    problem = yield from _forward(strategy, release)
    if not problem:
        cluster.journal.note("deployment_completed", deployment, version=release.version)
        deployment.managed = False
        problem = yield from _guard(strategy)
        if not problem:
            revision.released = True
            return revision, True
    if problem != SUPERSEDED:
        yield from _take_back(strategy, before, problem)
    yield from wait_until_replaced(cluster, revision)
    return revision, False


def roll_back(cluster: Cluster, deployment: Deployment, by: str) -> Generator[Any, Any, None]:
    """Take back the revision that a deployment's replicas should run, unless it is the first one.

    `by` is the id of the action. A rollout under way is told, and rolls back itself.
    """
    revision = deployment.revision
    before = _recalled(revision, by)
    if before is None:
        return
    watch = Watch(cluster, Release(before.version), None)
    strategy = _STRATEGIES[deployment.rollout.strategy](cluster, deployment, revision, watch)
    yield from _take_back(strategy, before, BY_HAND)
    yield from _withdraw(cluster, revision)


def roll_back_on(cluster: Cluster, replica: Replica, by: str) -> Generator[Any, Any, None]:
    """Take back the revision that a single replica runs."""
    revision = replica.revision
    if _recalled(revision, by) is None:
        return
    yield from _take_back_on(cluster, replica, revision, BY_HAND)
    yield from _withdraw(cluster, revision)


def _recalled(revision: Revision, by: str) -> Revision | None:
    """Return the revision to run in place of one that is taken back by hand.

    None if it is the first one, or if its rollout is under way, which is told and rolls back itself.
    """
    if revision.before is None:
        return None
    revision.recalled = by
    return revision.before if revision.released else None


def _withdraw(cluster: Cluster, revision: Revision) -> Generator[Any, Any, None]:
    """Wait until no replica runs a revision any more, and wake those who wait for that."""
    yield from wait_until_replaced(cluster, revision)
    if revision.withdrawn is not None and not revision.withdrawn.triggered:
        revision.withdrawn.succeed()


def _take_back(strategy: Strategy, before: Revision, problem: str) -> Generator[Any, Any, None]:
    """Bring back the revision before the one of a strategy."""
    cluster, deployment, revision = strategy.cluster, strategy.deployment, strategy.revision
    deployment.managed = strategy.counts
    changed = sum(replica.revision is revision for replica in deployment.replicas)
    deployment.revision = before
    cluster.journal.note(
        problem,
        deployment,
        version=before.version,
        failed_version=revision.version,
        replicas_changed=changed,
        signature=revision.recalled,
    )
    problem = yield from strategy.back(before)
    if not problem:
        cluster.journal.note("rollback_completed", deployment, version=before.version)
        deployment.managed = False


def release_on(
    cluster: Cluster, replica: Replica, fault: Fault, release: Release
) -> Generator[Any, Any, tuple[Revision, bool]]:
    """Replace the version of a single replica; return as `rollout` does."""
    before = replica.revision
    revision, watch = _released(cluster, fault, release, before)
    service = replica.service
    cluster.journal.note(
        "deployment",
        service,
        replica=replica,
        version=release.version,
        previous=before.version,
        replicas=1,
        strategy="canary",
    )
    yield from replace(cluster, replica, "deployment", revision)
    while replica.revision is revision and not replica.leaving:
        problem = watch.stalls(bool(replica.failures), not replica.failures)
        if problem:
            yield from _take_back_on(cluster, replica, revision, problem)
            return revision, False
        if watch.idle and release.patience is None:
            revision.released = True
            return revision, True
        yield cluster.timeout(TICK)
    return revision, False


def _take_back_on(cluster: Cluster, replica: Replica, revision: Revision, problem: str) -> Generator[Any, Any, None]:
    """Bring back the revision that a single replica ran before."""
    before = revision.before
    assert before is not None
    cluster.journal.note(
        problem,
        replica.service,
        replica=replica,
        version=before.version,
        failed_version=revision.version,
        replicas_changed=1,
        signature=revision.recalled,
    )
    yield from replace(cluster, replica, "rollback", before, lambda: replica.revision is revision)


def _released(cluster: Cluster, fault: Fault | None, release: Release, before: Revision) -> tuple[Revision, Watch]:
    meter = None if release.budget is None else ErrorBudget(release.budget)
    revision = Revision(release.version, fault, before)
    revision.withdrawn = cluster.env.event()
    if meter is not None:
        cluster.meters[revision] = meter
    return revision, Watch(cluster, release, meter, revision)


def _forward(strategy: Strategy, release: Release) -> Generator[Any, Any, str]:
    """Roll out completely, stopping at the canary if there is one; return the problem if that fails."""
    if release.canary is not None:
        problem = yield from strategy.forward(release.canary)
        if problem:
            return problem
        size, deployment = len(strategy.new), strategy.deployment
        strategy.cluster.journal.note(
            "canary", deployment, version=release.version, replicas=size, of=deployment.desired
        )
        problem = yield from strategy.hold(release.canary, release.hold)
        if problem:
            return problem
    return (yield from strategy.forward(None))


def _guard(strategy: Strategy) -> Generator[Any, Any, str]:
    """Watch a version that runs everywhere, if there is anything to watch for; return why it should be rolled back."""
    while not strategy.watch.idle:
        if strategy.superseded:
            return SUPERSEDED
        problem = strategy.watch.problem()
        if problem:
            return problem
        yield strategy.cluster.timeout(TICK)
    return ""
