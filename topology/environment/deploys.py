"""Occasional deploys. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.distributions import DAY
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Deploys:
    """Now and then a good version of some service rolls out, in the way that its `rollout` says.

    Deploys come at random (a Poisson process), each to one of the services that can spare a replica at the usual load.
    A service is passed over while a rollout is in progress, or while it runs a version that a fault brought.
    """

    shorthand: ClassVar[str] = "every"
    every: float = key("duration", "mean time from one to the next in the whole mesh", 7200.0, low=1, high=30 * DAY)
