"""Requests get stuck: a deadlock, a lost lock, a disk that does not respond."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Hang(Fault):
    """A share of requests hold their workers until the fault ends; severity multiplies the share.

    The same share of readiness probes get stuck, unless the fault acts on a single operation.
    """

    kind: ClassVar[str] = "hang"
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("stuck", "deadlock", "timeouts", "workers")
    ranges: ClassVar[Mapping[str, str]] = {"share": "5%..50%"}
    share: float = key("ratio", "share of requests that get stuck", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(hang=level * self.share, probe_failure=level * self.share)
