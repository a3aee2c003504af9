"""A new version is released. It may be good; a bad one is rolled back."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.answering import unanswered_at
from meshquake.faults.deployments import unclear
from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Target, Window
from meshquake.faults.release import Budget, Release, Step
from meshquake.topology.errors import GIVEN
from meshquake.topology.keys import key
from meshquake.topology.portion import Portion
from meshquake.topology.rollout import IN_PLACE
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted


@dataclass(frozen=True, kw_only=True)
class Deploy(Fault):
    """The replicas of a service get another version, by the `rollout` strategy that the topology gives the service.

    On the new version a share of requests fails and work may be slower; severity multiplies the share and scales the
    slowdown. The rollout stalls while a new replica fails its health checks. It is rolled back after stalling for
    `patience`, when it has spent its error budget, or when somebody rolls it back by hand. A good version stays.
    Severity does not change how often health checks fail: otherwise a version that is only slightly bad would pass
    them, reach every replica, and harm more users. With a `canary`, some replicas get the version first; with `steps`,
    it first gets shares of the requests. If the target is a single replica, only that replica gets the version.
    """

    kind: ClassVar[str] = "deploy"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    undrawn: ClassVar[tuple[str, ...]] = ("replica",)
    indicator: ClassVar[str] = "deployment"
    aliases: ClassVar[tuple[str, ...]] = ("version", "errors", "config")
    ramps: ClassVar[bool] = False
    unshaped: ClassVar[str] = "proceeds as canary, hold and steps say, and has no shape"
    lasts: ClassVar[bool] = False
    groups: ClassVar[bool] = False
    ranges: ClassVar[Mapping[str, str]] = {"share": "30%..100%", "unhealthy": "50%..100%"}
    version: str = key("text", "the new version", "2.0.0")
    share: float = key("ratio", "share of its requests that fail", 0.0, low=0, high=1)
    error: str = key("choice", "the error they fail with", "config_error", choices=GIVEN)
    factor: float = key("number", "how many times as long its work takes", 1.0, low=0.01, high=1000)
    unhealthy: float = key("ratio", "share of its health checks that fail", 0.0, low=0, high=1)
    patience: float | None = key(
        "duration", "how long a rollout may stall before it is rolled back", 25.0, low=0, none=True
    )
    canary: Portion | None = key(
        "portion", "replicas that get the version first, at least one; a share is rounded up", None, none=True
    )
    hold: float | None = key(
        "duration", "how long the rollout stays at the canary (`none`: for good)", None, low=0, none=True
    )
    rollback_after: float | None = key(
        "duration", "time from its start until somebody rolls it back by hand", None, low=0, none=True
    )
    error_budget: Budget | None = key(
        "spec", "share of failed requests above which it is rolled back", None, none=True, spec=Budget
    )

    steps: tuple[Step, ...] | None = key(
        "spec",
        "shares of the requests that it gets, step by step, before it gets all of them; instead of a canary",
        None,
        many=True,
        spec=Step,
    )
    deployment: str | None = key("text", "if versions run side by side: the one to replace", None)

    @classmethod
    def unclear(cls, target: Target, topology: Topology) -> str:
        """Each of the versions that run side by side is released separately."""
        return unclear(target, None, topology)

    def problem(self, topology: Topology) -> str:
        """It must be clear whose replicas are meant; users get an answer; only a canary can be held, if it has one."""
        problem = unclear(self.target, self.deployment, topology)
        if not problem and self.share:
            problem = unanswered_at(self.all_targets, self.error, topology)
        if problem:
            return problem
        if self.steps:
            return self._unshiftable(self.steps, topology)
        if self.canary is None:
            return "" if self.hold is None else "hold is the time at its canary: add a canary, or leave hold out"
        service = topology.service(self.target.service)
        most = service.most_replicas_of(self.deployment or "")
        if self.canary.count is None or self.canary.count <= most:
            return ""
        called = service.name if self.deployment is None else f"{self.deployment} of {service.name}"
        return f"its canary is {self.canary.count} replicas, but {called} has {counted(most, 'replica')}"

    def _unshiftable(self, steps: Sequence[Step], topology: Topology) -> str:
        """Return why requests cannot be shifted to it by its steps; empty if they can."""
        service = topology.service(self.target.service)
        if self.canary is not None or self.hold is not None:
            return "has steps, which take the place of canary and hold: leave those out"
        if self.target.level == "replica":
            return f"steps are shares of the requests of a service; {self.target} is one replica"
        if service.versions and not service.weighted:
            return (
                f"has steps, which need a route with weights, but the versions of {service.name} have none: "
                "give each version a weight"
            )
        if service.rollout_of(self.deployment or "").strategy == IN_PLACE:
            return f"has steps, which need replicas beside those of {service.name}, but its rollout is in_place"
        if any(step.pause is None for step in steps[:-1]):
            return "stays at one of its steps for good (pause: none), so later steps never come"
        return ""

    def effect(self, level: float) -> Effect:
        return Effect(
            slowdown=1 + level * (self.factor - 1),
            fail=level * self.share,
            error=self.error,
            probe_failure=self.unhealthy,
        )

    @property
    def release(self) -> Release:
        """How the version is released."""
        return Release(
            self.version,
            self.patience,
            self.canary,
            self.hold,
            self.rollback_after,
            self.error_budget,
            self.steps or (),
        )

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        if (yield from mesh.deploy(self, self.release, self.deployment)):
            yield mesh.withdrawn(self)
