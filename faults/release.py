"""How a version is released: how far it goes, and what causes a rollback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key
from meshquake.topology.portion import Portion


@dataclass(frozen=True)
class Budget:
    """How many requests a version may fail: so large a share of what its replicas answered within the window."""

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of failed requests above which the version is rolled back", 0.1, low=0, high=1)
    window: float = key("duration", "how far back requests are counted", 30.0, low=1, high=3600)


@dataclass(frozen=True)
class Step:
    """A share of the requests that a version gets, and for how long, as with Argo Rollouts (`setWeight`, `pause`)."""

    shorthand: ClassVar[str] = "weight"
    weight: float = key("ratio", "share of the requests that the new version gets", low=0, high=1)
    pause: float | None = key(
        "duration", "how long the rollout stays at this step (`none`: for good)", 60.0, low=0, none=True
    )
    replicas: Portion | None = key(
        "portion",
        "replicas of the new version at this step; a share is rounded up (default: the same share as `weight`)",
        None,
        none=True,
    )

    def size(self, wanted: int) -> int:
        """Return how many replicas it has, in a deployment that should have `wanted`."""
        size = (self.replicas or Portion(share=self.weight)).of(wanted, up=True)
        return max(1 if self.weight else 0, min(wanted, size))


@dataclass(frozen=True)
class Release:
    """A version, and how it is released.

    Attributes
    ----------
    version
        The version that replicas then run.
    patience
        How long it may stall on failing health checks of new replicas before it is rolled back (seconds); None if it is
        not rolled back for that.
    canary
        How many replicas get it first; None for all.
    hold
        How long it stays at the canary before the others get it (seconds); None for good.
    rollback_after
        When it is rolled back by hand, counted from its start (seconds); None if it is not.
    budget
        How many requests it may fail before it is rolled back; None for any number.
    steps
        The shares of the requests that it gets step by step; none if its share follows from its replicas.
    """

    version: str
    patience: float | None = None
    canary: Portion | None = None
    hold: float | None = None
    rollback_after: float | None = None
    budget: Budget | None = None
    steps: tuple[Step, ...] = ()


def next_version(version: str) -> str:
    """Return the name of a new version: `2.1.1` after `2.1.0`."""
    head, _, last = version.rpartition(".")
    return f"{head}.{int(last) + 1}" if head and last.isdecimal() else f"{version}.1"
