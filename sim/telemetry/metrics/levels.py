"""What a metric may be measured of. Samples of an interval are in the order of the levels."""

from __future__ import annotations

from enum import Enum


class Level(Enum):
    """What is measured; the value is what the documentation calls it."""

    SERVICE = "service"
    REPLICA = "replica"
    #: A service that keeps data.
    STORE = "databases, caches"
    EDGE = "edge"
    #: One replica's side of an edge: each replica has its own policies.
    CALLER = "replica of the caller"
    #: An entry service of users whose next step depends on the answer.
    ENTRY = "entry with users who wait"
    #: A machine that replicas run on.
    NODE = "node"
