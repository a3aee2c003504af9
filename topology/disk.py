"""The volume on which a database stores its data: it only affects what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.keys import key


@dataclass(frozen=True)
class Disk:
    """A replica's volume: its size, and how full it is at first."""

    shorthand: ClassVar[str] = "size"
    size: float = key("size", "size of each replica's volume", 20 * 2.0**30, low=2**20, high=2**50)
    used: float = key("ratio", "share of it that is full at the start", 0.4, low=0, high=1)
