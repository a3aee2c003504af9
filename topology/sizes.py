"""How large messages are: data of an operation, which only affects what networks and disks carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key


@dataclass(frozen=True)
class Size:
    """Typical sizes of an operation's requests and responses: medians, headers included.

    Each message has its own size around that (`sim.telemetry.hosts.messages`).
    """

    shorthand: ClassVar[str] = "answer"
    request: float | None = key("size", "median of its requests (default: by kind of service)", None, low=1, high=2**30)
    answer: float | None = key(
        "size", "median of its answers (default: by kind of service and by name)", None, low=1, high=2**30
    )
