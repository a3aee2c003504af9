"""A recording that somebody else made, as records of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from meshquake.sim.records import Batch
from meshquake.topology.spec import Topology


@dataclass(frozen=True)
class Imported:
    """What was read, and what of it has no place here.

    Attributes
    ----------
    name
        What it is called.
    batch
        All of its records.
    topology
        What it shows of the mesh: services and how they are asked, and no edges.
    start, length, interval
        When it begins, its length, and the time between samples of a metric; the latter in seconds.
    brief
        The page for whoever is on call, as Markdown.
    left_out
        How many rows were left out, by what they are.
    """

    name: str
    batch: Batch
    topology: Topology
    start: datetime
    length: float
    interval: float
    brief: str
    left_out: Mapping[str, int] = field(default_factory=dict)
