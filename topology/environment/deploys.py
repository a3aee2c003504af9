"""Occasional deploys. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.distributions import DAY
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Deploys:
    """Now and then a good version of some service rolls out, as its `rollout` says.

    They come at random (a Poisson process), each to one of the services of which a replica can be spared at the usual
    load. There is none on a service on which a rollout is under way, or which runs a version that a fault brought.
    """

    shorthand: ClassVar[str] = "every"
    every: float = key("duration", "mean time from one to the next in the whole mesh", 7200.0, low=1, high=30 * DAY)
