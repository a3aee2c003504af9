"""What Kubernetes would call the pods in which processes run, and their addresses (`topology.placement` has the nodes).

Nothing in a mesh goes by it. Addresses are of a range for documentation (RFC 5737).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.topology.addresses import address

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.topology.placement import Placement

#: Letters and digits without those that make words or are taken for others (`k8s.io/apimachinery/pkg/util/rand`).
_CODE = "bcdfghjklmnpqrstvwxz2456789"


def pod(seed: int, replica: Replica, version: str) -> str:
    """The name of the pod in which a replica runs a version.

    A Deployment's pods are called by a hash of their set, which is one version's, and one of their own; those of stores
    are a StatefulSet's and keep their names.
    """
    service = replica.service.spec
    if service.kind in ("database", "cache"):
        return replica.name
    of_set, own = address(seed, "pods", service.name, version), address(seed, "pod", replica.name, version)
    return f"{service.name}-{_coded(of_set, 10)}-{_coded(own, 5)}"


def pod_address(placement: Placement, replica: Replica) -> str:
    """The address of a replica's pod."""
    return f"192.0.2.{1 + (37 * placement.number(replica.service.spec.name, replica.index) + 11) % 254}"


def _coded(word: int, length: int) -> str:
    return "".join(_CODE[(word >> (7 * place)) % len(_CODE)] for place in range(length))
