"""A new version rolls out, replica by replica. It may be good; a bad one is rolled back."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.errors import MET
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Deploy(Fault):
    """A rolling update of a service, one replica at a time.

    Under the new version a share of requests fails and work may be slower; severity multiplies the share and scales the
    slowdown. The rollout stalls while a new replica fails its health checks; after stalling for `patience` it is rolled
    back, one replica at a time. A good version stays. Severity does not change how often health checks fail: a version
    that is only slightly bad would otherwise pass them, reach every replica, and harm more users.
    """

    kind: ClassVar[str] = "deploy"
    levels: ClassVar[tuple[str, ...]] = ("service",)
    indicator: ClassVar[str] = "deployment"
    aliases: ClassVar[tuple[str, ...]] = ("version", "errors", "config")
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False
    groups: ClassVar[bool] = False
    ranges: ClassVar[Mapping[str, str]] = {"share": "30%..100%", "unhealthy": "50%..100%"}
    version: str = key("text", "the new version", "2.0.0")
    share: float = key("ratio", "share of its requests that fail", 0.0, low=0, high=1)
    error: str = key("choice", "the error they fail with", "config_error", choices=MET)
    factor: float = key("number", "how many times as long its work takes", 1.0, low=0.01, high=1000)
    unhealthy: float = key("ratio", "share of its health checks that fail", 0.0, low=0, high=1)
    patience: float = key("duration", "how long a rollout may stall before it is rolled back", 25.0, low=0)

    def effect(self, level: float) -> Effect:
        return Effect(
            slowdown=1 + level * (self.factor - 1),
            fail=level * self.share,
            error=self.error,
            probe_failure=self.unhealthy,
        )

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        if (yield from mesh.deploy(self, self.version, self.patience)):
            yield mesh.timeout(inf)  # the version stays, and so does what is wrong with it
