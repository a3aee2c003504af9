"""Names and addresses of pods, as Kubernetes would have them (`topology.placement` has the nodes).

Nothing in a mesh depends on them. Addresses are from a range for documentation (RFC 5737).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.topology.addresses import address

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.topology.placement import Placement

#: Letters and digits without those that form words or are easily confused (`k8s.io/apimachinery/pkg/util/rand`).
_CODE = "bcdfghjklmnpqrstvwxz2456789"


def pod(seed: int, replica: Replica, version: str) -> str:
    """Return the name of the pod in which a replica runs a version.

    Pods of a Deployment have a hash of their ReplicaSet, one per version, and one of their own. Stores are
    StatefulSets, whose pods keep their names.
    """
    service = replica.service.spec
    if service.kind in ("database", "cache"):
        return replica.name
    of_set, own = address(seed, "pods", service.name, version), address(seed, "pod", replica.name, version)
    return f"{service.name}-{_coded(of_set, 10)}-{_coded(own, 5)}"


def pod_address(placement: Placement, replica: Replica) -> str:
    """Return the address of a replica's pod."""
    return f"192.0.2.{1 + (37 * placement.number(replica.service.spec.name, replica.index) + 11) % 254}"


def _coded(word: int, length: int) -> str:
    return "".join(_CODE[(word >> (7 * place)) % len(_CODE)] for place in range(length))
