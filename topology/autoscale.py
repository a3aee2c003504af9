"""How the number of a service's replicas follows its load: Kubernetes' HorizontalPodAutoscaler. Data only.

The defaults are Kubernetes' (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and the flags
of its controller manager). The behaviour is in `sim/lifecycle/autoscaler.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key


@dataclass(frozen=True)
class ScaleUp:
    """How fast replicas may be added: of the two limits the higher counts, as with `selectPolicy: Max`."""

    window: float = key("duration", "the lowest recommendation within it counts (stabilization)", 0.0, low=0, high=3600)
    share: float | None = key(
        "ratio", "replicas added per period, as a share of those at its start", 1.0, low=0, high=100, none=True
    )
    replicas: int | None = key("count", "replicas added per period", 4, low=0, high=1000, none=True)
    period: float = key("duration", "time over which the limits apply", 15.0, low=1, high=1800)


@dataclass(frozen=True)
class ScaleDown:
    """How fast replicas may be deleted: of the two limits the higher counts."""

    window: float = key(
        "duration", "the highest recommendation within it counts (stabilization)", 300.0, low=0, high=3600
    )
    share: float | None = key(
        "ratio", "replicas deleted per period, as a share of those at its start", 1.0, low=0, high=1, none=True
    )
    replicas: int | None = key("count", "replicas deleted per period", None, low=0, high=1000, none=True)
    period: float = key("duration", "time over which the limits apply", 15.0, low=1, high=1800)


@dataclass(frozen=True)
class Autoscale:
    """Keeps metrics of the replicas near their targets by changing the number of replicas; the largest proposal wins.

    A metric proposes ceil(replicas x value / target), unless value / target is within the tolerance of 1.
    """

    shorthand: ClassVar[str] = "maximum"
    maximum: int = key("count", "most replicas", low=1, high=1000)
    minimum: int = key("count", "fewest replicas", 1, low=1, high=1000)
    cpu: float | None = key(
        "ratio", "target: mean share of a replica's cores in use", 0.8, low=0, high=10, above=True, none=True
    )
    requests: float | None = key(
        "rate",
        "target: requests answered per second by each replica",
        None,
        low=0,
        high=1_000_000,
        above=True,
        none=True,
    )
    sync: float = key("duration", "time between evaluations", 15.0, low=1, high=600)
    tolerance: float = key("ratio", "how far the ratio may be from 1 before anything is done", 0.1, low=0, high=1)
    initial_readiness: float = key(
        "duration",
        "an unready replica whose readiness last changed within this time of its start counts as never ready",
        30.0,
        low=0,
        high=3600,
    )
    cpu_initialization: float = key(
        "duration",
        "for this long after its start, the CPU of a replica counts only if it has been ready for a whole `sync`",
        300.0,
        low=0,
        high=3600,
    )
    up: ScaleUp = key("spec", "how fast replicas are added", ScaleUp(), spec=ScaleUp)
    down: ScaleDown = key("spec", "how fast they are deleted", ScaleDown(), spec=ScaleDown)

    def problems(self) -> Iterator[str]:
        """Yield the reasons why it cannot work."""
        if self.minimum > self.maximum:
            yield f"has a minimum of {self.minimum}, above its maximum of {self.maximum}"
        if self.cpu is None and self.requests is None:
            yield "needs a target: cpu or requests"
