"""Good versions that are rolled out now and then (`topology.environment.deploys`)."""

from __future__ import annotations

from collections.abc import Generator
from math import log1p
from typing import TYPE_CHECKING, Any, Final

from meshquake.faults.fault import Target
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.release import Release, next_version
from meshquake.sim.journal import Happening
from meshquake.sim.lifecycle.rollout import rollout
from meshquake.topology.addresses import address, uniform
from meshquake.topology.environment.deploys import Deploys
from meshquake.topology.estimates import offered_load

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.deployment import Deployment

#: The utilization of cores and of workers up to which a service may have a replica replaced: there is room left when
#: fluctuating users bring half as much load again.
_BUSY: Final = 0.4
#: A rollout that stalls for this long (seconds) is rolled back, for example when a fault keeps new replicas from being
#: ready.
_PATIENCE: Final = 120.0


def deploys(cluster: Cluster, policy: Deploys) -> Generator[Any, Any, None]:
    """Roll versions out, as a process. When, and to which service, depends on the seed alone."""
    key = address(cluster.seed, "deploys") % 2**64
    number = 0
    while True:
        yield cluster.timeout(-log1p(-uniform(key, number, 1)) * policy.every)
        names = spared(cluster)
        if names:
            name = names[int(uniform(key, number, 2) * len(names))]
            (deployment,) = cluster.services[name].deployments
            if _is_settled(deployment):
                called = f"deploy-{name}-{number}"
                cluster.env.process(cluster.journal.signed(called, _deploy(cluster, deployment, called)))
        number += 1


def spared(cluster: Cluster) -> list[str]:
    """Return the services that can spare a replica at the usual load, except those with versions side by side."""
    loads = offered_load(cluster.topology)
    return [
        service.name
        for service in cluster.topology.services
        if service.replicas > 1
        and not service.versions
        and 0 < loads[service.name].offered * service.replicas / (service.replicas - 1) <= _BUSY
    ]


def _is_settled(deployment: Deployment) -> bool:
    """Whether no rollout or scaling is under way, and the running version came without a fault."""
    revision = deployment.revision
    return (
        deployment.canary is None
        and not deployment.managed
        and revision.fault is None
        and len(deployment.ready) == len(deployment.replicas) == deployment.desired
        and all(replica.revision is revision for replica in deployment.replicas)
    )


def _deploy(cluster: Cluster, deployment: Deployment, called: str) -> Generator[Any, Any, None]:
    happening = Happening(called, Deploy.kind, Target("service", deployment.service.spec.name), cluster.now)
    cluster.journal.happened.append(happening)
    yield from rollout(cluster, deployment, None, Release(next_version(deployment.revision.version), _PATIENCE))
    happening.end = cluster.now
