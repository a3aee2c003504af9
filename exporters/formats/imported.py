"""A recording from another source, converted to records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from meshquake.sim.records import Batch
from meshquake.topology.spec import Topology


@dataclass(frozen=True)
class Imported:
    """An imported recording, and a count of what has no equivalent here.

    Attributes
    ----------
    name
        Its name.
    batch
        All its records.
    topology
        What it shows of the mesh: services and their protocols, but no edges.
    start, length, interval
        When it starts; its length and the time between samples of a metric, in seconds.
    brief
        The page for the person on call, as Markdown.
    left_out
        The number of rows left out, by what they are.
    """

    name: str
    batch: Batch
    topology: Topology
    start: datetime
    length: float
    interval: float
    brief: str
    left_out: Mapping[str, int] = field(default_factory=dict)
