"""Refuses deployments that cannot work, of a service or of one of its versions."""

from __future__ import annotations

from meshquake.topology.autoscale import Autoscale
from meshquake.topology.document import Document, Node
from meshquake.topology.rollout import ROLLING, Rollout


def check_scaling(document: Document, autoscale: Autoscale | None, node: Node) -> None:
    """Report an autoscaler that cannot work."""
    for problem in () if autoscale is None else autoscale.problems():
        document.error(node.entries.get("autoscale", node), problem)


def check_rollout(document: Document, rollout: Rollout, node: Node) -> None:
    """Report a rollout that could not replace anything (Kubernetes' `ValidateRollingUpdateDeployment`)."""
    if rollout.strategy == ROLLING and not any(
        portion.count or portion.share for portion in (rollout.max_surge, rollout.max_unavailable)
    ):
        message = "has both max_surge and max_unavailable at 0, so nothing can be replaced: raise one of them"
        document.error(node.entries.get("rollout", node), message)
