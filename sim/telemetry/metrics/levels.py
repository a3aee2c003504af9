"""What a metric may be of. The order of the levels is that of their samples in an interval."""

from __future__ import annotations

from enum import Enum


class Level(Enum):
    """What is measured; the value is what the documentation calls it."""

    SERVICE = "service"
    REPLICA = "replica"
    #: A service that keeps data.
    STORE = "databases, caches"
    EDGE = "edge"
    #: One replica's side of an edge: each has policies of its own.
    CALLER = "replica of the caller"
    #: A service at which users come in who do next what depends on their answers.
    ENTRY = "entry with users who wait"
    #: A machine that replicas run on.
    NODE = "node"
