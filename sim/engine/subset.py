"""Replicas of a service to which calls are sent by a weight: a subset of Istio's, and to Envoy a cluster of its own.

Where calls are shared out by weights, all that a caller knows of replicas it knows of a subset: what it ejects and how
much of it, whose turn it is, how many calls and connections it has there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.deployment import Deployment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.revision import Revision


class Subset:
    """The replicas of a deployment, but for those of a canary that has a share of the requests."""

    __slots__ = ("deployment", "ready")

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        #: Those that get calls, in order: one list for good, which sites have at hand too.
        self.ready: list[Replica] = []


class Canary(Subset):
    """The replicas of a new revision, which get a share of the deployment's requests, however many they are."""

    __slots__ = ("beside", "revision", "share")

    def __init__(self, deployment: Deployment, revision: Revision, beside: Revision) -> None:
        super().__init__(deployment)
        self.revision = revision
        #: What the other replicas run, and what it would go back to.
        self.beside = beside
        self.share = 0.0
