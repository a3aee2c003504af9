"""Only the health checks fail or are slow: a broken health endpoint, a firewall in the kubelet's way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key
from meshquake.topology.policies import PROBES
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Probe(Fault):
    """A share of the probes fails, and all of them take `by` longer; severity multiplies both.

    With `by` alone, a probe fails only if it exceeds its own timeout. All probes that the service has are affected, or
    with `only` those of one kind, as when each kind has its own endpoint. Requests are served as before, by whatever is
    left in rotation.
    """

    kind: ClassVar[str] = "probe"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("health_check", "readiness", "liveness", "probes", "replicas")
    ranges: ClassVar[Mapping[str, str]] = {"share": "60%..100%"}
    drawn: ClassVar[bool] = False
    share: float | None = key("ratio", "share of probes that fail (default: all; with `by`, none)", None, low=0, high=1)
    by: float = key("duration", "time added to each probe", 0.0, low=0, high=3600)
    only: str | None = key("choice", "kind of probe that is affected (default: all)", None, choices=PROBES)

    def __post_init__(self) -> None:
        if self.share is None:
            object.__setattr__(self, "share", 0.0 if self.by else 1.0)

    def effect(self, level: float) -> Effect:
        assert self.share is not None
        return Effect(probe_failure=level * self.share, probe_delay=level * self.by, probes=self.only)

    def problem(self, topology: Topology) -> str:
        """A kind of probe that a target does not have cannot fail."""
        for target in self.all_targets:
            spec = topology.service(target.service)
            if (self.only, spec.liveness) == ("liveness", None):
                return f"{target.service} has no liveness probe: give it liveness: {{}}, or leave `only` out"
            if (self.only, spec.startup_probe) == ("startup", None):
                return f"{target.service} has no startup probe: give it startup_probe: {{}}, or leave `only` out"
        return ""
