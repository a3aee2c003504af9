"""Replicas of a service that get calls by weight: a subset in Istio's terms, a cluster of its own in Envoy's.

Where calls are shared out by weights, a caller keeps all that it knows of replicas per subset: which it ejects and how
many, whose turn it is, how many calls and connections it has there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.deployment import Deployment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.revision import Revision


class Subset:
    """The replicas of a deployment, except those of a canary that has a share of the requests."""

    __slots__ = ("deployment", "ready")

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        #: Those that get calls, in order. The list object never changes, since sites refer to it too.
        self.ready: list[Replica] = []


class Canary(Subset):
    """The replicas of a new revision, which get a share of the deployment's requests whatever their number."""

    __slots__ = ("beside", "revision", "share")

    def __init__(self, deployment: Deployment, revision: Revision, beside: Revision) -> None:
        super().__init__(deployment)
        self.revision = revision
        #: The revision that the other replicas run, to which a rollback returns.
        self.beside = beside
        self.share = 0.0
