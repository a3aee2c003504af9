"""Health checks alone fail or are slow: a broken health endpoint, a firewall in the kubelet's way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Probe(Fault):
    """A share of readiness and liveness probes fails, and all of them take `by` longer; severity multiplies both.

    Requests are served as before, by whatever is left in rotation.
    """

    kind: ClassVar[str] = "probe"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("health_check", "readiness", "liveness", "probes", "replicas")
    ranges: ClassVar[Mapping[str, str]] = {"share": "60%..100%"}
    drawn: ClassVar[bool] = False
    share: float = key("ratio", "share of probes that fail", 1.0, low=0, high=1)
    by: float = key("duration", "time that each probe takes longer", 0.0, low=0, high=3600)

    def effect(self, level: float) -> Effect:
        return Effect(probe_failure=level * self.share, probe_delay=level * self.by)
