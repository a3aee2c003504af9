"""Requests get stuck: a deadlock, a lost lock, a disk that doesn't answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Hang(Fault):
    """A share of requests holds its worker until the fault ends; severity multiplies the share.

    Readiness probes get stuck alike, unless it acts on one operation only.
    """

    kind: ClassVar[str] = "hang"
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("stuck", "deadlock", "timeouts", "workers")
    ranges: ClassVar[Mapping[str, str]] = {"share": "5%..50%"}
    share: float = key("ratio", "share of requests that get stuck", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(hang=level * self.share, probe_failure=level * self.share)
