"""How a service gets a new version: Kubernetes' strategies and one more. Data only; `sim/lifecycle/` has the behaviour.

The defaults are those of a Kubernetes Deployment
(https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from meshquake.topology.keys import key
from meshquake.topology.portion import Portion

ROLLING: Final = "rolling"
RECREATE: Final = "recreate"
BLUE_GREEN: Final = "blue_green"
IN_PLACE: Final = "in_place"
#: Ways to replace the replicas of a service.
STRATEGIES = (ROLLING, RECREATE, BLUE_GREEN, IN_PLACE)


@dataclass(frozen=True)
class Rollout:
    """How the replicas of a service are replaced by those of another version.

    `rolling` and `recreate` are the strategies of a Kubernetes Deployment. `blue_green` is that of Argo Rollouts: a
    second full set of replicas starts, and gets all the traffic at once when all of it is ready. `in_place` is the
    rolling update of a StatefulSet: one replica after another stops and restarts under its own name.
    """

    shorthand: ClassVar[str] = "strategy"
    strategy: str = key("choice", "how replicas are replaced", ROLLING, choices=STRATEGIES)
    max_surge: Portion = key(
        "portion", "`rolling`: extra replicas allowed beyond those wanted; a share is rounded up", Portion(share=0.25)
    )
    max_unavailable: Portion = key(
        "portion", "`rolling`: replicas that may be unavailable; a share is rounded down", Portion(share=0.25)
    )
    min_ready: float = key("duration", "how long a replica must be ready to count as available", 0.0, low=0, high=3600)
    keep: float = key("duration", "`blue_green`: how long the old replicas are kept", 30.0, low=0, high=86_400)

    def limits(self, replicas: int) -> tuple[int, int]:
        """Return how many replicas may exist beyond `replicas`, and how many of those wanted may be unavailable.

        If both would be 0, one may be unavailable, or nothing could ever be replaced (Kubernetes' `ResolveFenceposts`).
        """
        surge, unavailable = self.max_surge.of(replicas, up=True), self.max_unavailable.of(replicas, up=False)
        return surge, unavailable if surge or unavailable else 1
