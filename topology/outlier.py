"""Outlier detection as in Envoy: callers eject replicas that fail more than others. Data only.

The defaults are Envoy's (`envoy.config.cluster.v3.OutlierDetection`), for what it enforces by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key


@dataclass(frozen=True)
class SuccessRate:
    """Eject replicas that succeed much less often than the rest.

    Once per interval the success rates of all replicas with enough requests are compared; replicas below the mean minus
    `factor` standard deviations are ejected.
    """

    shorthand: ClassVar[str] = "factor"
    factor: float = key(
        "number", "standard deviations below the mean at which a replica is ejected", 1.9, low=0, high=100
    )
    hosts: int = key("count", "fewest replicas with enough requests for a comparison", 5, low=1, high=1000)
    requests: int = key("count", "requests per interval that are enough", 100, low=1, high=1_000_000)


@dataclass(frozen=True)
class FailureShare:
    """Eject replicas that fail too often, whatever the rest does; checked once per interval, as `SuccessRate`."""

    shorthand: ClassVar[str] = "threshold"
    threshold: float = key("ratio", "share of failures at which a replica is ejected", 0.85, low=0, high=1)
    hosts: int = key("count", "fewest replicas with enough requests for a judgement", 5, low=1, high=1000)
    requests: int = key("count", "requests per interval that are enough", 50, low=1, high=1_000_000)


@dataclass(frozen=True)
class Outlier:
    """Eject failing replicas, by each caller on its own, and take them back after a time.

    A failure is an answer with a status of 500 or more, or none at all. The `consecutive`-th failure in a row ejects a
    replica at once; everything else happens in sweeps, `interval` apart: the comparisons, and the return of replicas
    whose ejection is over. An ejection lasts `ejection` times the number of the replica's ejections, at most `longest`;
    each sweep at which a replica is not ejected reduces that number by one. At most a share of `most` of the replicas
    is ejected, but one always may be.
    """

    consecutive: int | None = key(
        "count", "failures in a row that eject a replica (`consecutive_5xx`)", 5, low=1, high=100_000, none=True
    )
    gateway: int | None = key(
        "count",
        "failures in a row with status 502, 503 or 504 that eject a replica (`consecutive_gateway_failure`)",
        None,
        low=1,
        high=100_000,
        none=True,
    )
    interval: float = key("duration", "time between sweeps", 10.0, low=0.1, high=3600)
    ejection: float = key(
        "duration",
        "time for which a replica is ejected, times the number of its ejections (`base_ejection_time`)",
        30.0,
        low=0,
        high=86_400,
    )
    longest: float = key("duration", "longest ejection (`max_ejection_time`)", 300.0, low=0, high=86_400)
    most: float = key(
        "ratio", "share of the replicas that may be ejected at once (`max_ejection_percent`)", 0.1, low=0, high=1
    )
    success_rate: SuccessRate | None = key(
        "spec", "comparison of success rates", SuccessRate(), none=True, spec=SuccessRate
    )
    failure_share: FailureShare | None = key("spec", "limit on failures", None, none=True, spec=FailureShare)
    panic: float = key(
        "ratio",
        "if a smaller share of the replicas than this is left, all are used (`healthy_panic_threshold`; Istio: 0%)",
        0.5,
        low=0,
        high=1,
    )
