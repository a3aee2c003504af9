"""How a version is released: how far it goes, and what makes somebody take it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key
from meshquake.topology.portion import Portion


@dataclass(frozen=True)
class Budget:
    """How many requests a version may fail: so large a share of what its replicas answered within the window."""

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of failures above which it is rolled back", 0.1, low=0, high=1)
    window: float = key("duration", "how far back one looks", 30.0, low=1, high=3600)


@dataclass(frozen=True)
class Release:
    """A version, and how it is released.

    Attributes
    ----------
    version
        What replicas run then.
    patience
        How long it may stall while new replicas fail their health checks before it is rolled back (seconds); None if
        nobody rolls it back for that.
    canary
        How many replicas get it first; None for all.
    hold
        How long it stays at the canary before the others get it (seconds); None for good.
    rollback_after
        When somebody rolls it back, counted from its start (seconds); None if nobody does.
    budget
        How many requests it may fail before it is rolled back; None if nobody watches.
    """

    version: str
    patience: float | None = None
    canary: Portion | None = None
    hold: float | None = None
    rollback_after: float | None = None
    budget: Budget | None = None
