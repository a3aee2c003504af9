"""Responses: what is asked of a run, about its users, its key, a metric, or its records.

`response_text` reads them from lines of text, and `replication` answers them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.ensembles import sql
from meshquake.ensembles.sections import Sections
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry import expression
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.units import shown

Floats = NDArray[np.float64]

#: Figures of users' requests, with descriptions.
OF_USERS = {
    "requests": "requests that came",
    "error_rate": "share of them that failed",
    "bad_rate": "share of them that failed, or took longer than was promised",
    "answered": "successes a second, counted when they end",
    "goodput": "successes within the promised time a second, counted when they end",
    "calls": "calls between services meanwhile, retries and hedges included, for each of these requests",
    "latency_mean": "mean latency (ms)",
    **{
        f"latency_p{name}": f"{share:g}th percentile of latency (ms)"
        for name, share in (("50", 50), ("90", 90), ("95", 95), ("99", 99), ("999", 99.9))
    },
}
#: Figures of the key.
OF_KEY = {
    "harmed": "requests that are bad, and good in the run without the faults",
    "breach": "seconds that ended with a promise to users broken by the faults",
    "detect": "seconds from the start of the first fault until a promise was broken",
    "recovery": "seconds from the start of the first fault until the last broken promise was kept again",
}
#: Summaries of a metric's samples.
SUMMARIES: Mapping[str, Callable[[Floats], float]] = {
    "mean": lambda values: float(values.mean()),
    "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
    "sum": lambda values: float(values.sum()),
    "last": lambda values: float(values[-1]),
}
PHASES = ("before", "during", "after", "whole")


@dataclass(frozen=True)
class Phase:
    """A stretch of a recording: one of `PHASES`, or from one second of the incident to another."""

    word: str
    start: float = 0.0
    end: float = 0.0

    def window(self, lead_in: float, duration: float, length: float) -> tuple[float, float]:
        """Its beginning and end, in seconds from the start of the recording."""
        named = {
            "before": (0.0, lead_in),
            "during": (lead_in, lead_in + duration),
            "after": (lead_in + duration, length),
            "whole": (0.0, length),
        }
        start, end = named.get(self.word, (lead_in + self.start, lead_in + self.end))
        return max(0.0, start), min(length, end)


@dataclass(frozen=True)
class Response:
    """A question about a run.

    Attributes
    ----------
    label
        Its name.
    text
        Its text as written.
    """

    label: str
    text: str

    @property
    def skewed(self) -> bool:
        """Whether it is a percentile, whose distribution over runs differs from that of a mean."""
        return False

    @property
    def is_share(self) -> bool:
        """Whether a run answers yes or no, so that the mean is the share of runs that say yes."""
        return False

    @property
    def sections(self) -> Sections:
        """How its values for sections of its stretch of time relate to that for the whole."""
        return Sections.NONE

    def check(self, mesh: Topology) -> None:
        """Raise ValueError if a mesh lacks what it asks for."""


@dataclass(frozen=True)
class OfUsers(Response):
    """A figure of users' requests, or of those at one entry operation if it is named."""

    figure: str = ""
    phase: Phase = Phase("during")
    entry: str = ""

    @property
    def skewed(self) -> bool:
        """Whether it is a percentile."""
        return self.figure.startswith("latency_p")

    @property
    def sections(self) -> Sections:
        """Requests add up; all else is per request or per second."""
        return Sections.PARTS if self.figure == "requests" else Sections.ALIKE

    def check(self, mesh: Topology) -> None:
        """Check that the entry exists."""
        entries = [f"{each.service}.{each.operation}" for each in mesh.workload.mix]
        if self.entry and self.entry not in entries:
            raise ValueError(f"no entry operation is called {shown(self.entry)}{suggestion(self.entry, entries)}")


@dataclass(frozen=True)
class OfKey(Response):
    """A figure of the answer key."""

    figure: str = ""


@dataclass(frozen=True)
class OfMetric(Response):
    """A summary of an expression over metrics of a service, a replica or an edge, second by second."""

    summary: str = ""
    expression: Expression = field(default_factory=lambda: expression.parse("x"))
    service: str = ""
    replica: str | None = None
    target: str | None = None
    phase: Phase = Phase("during")

    @property
    def sections(self) -> Sections:
        """By its summary."""
        return {"mean": Sections.ALIKE, "sum": Sections.PARTS}.get(self.summary, Sections.NONE)

    def check(self, mesh: Topology) -> None:
        """Check that the mesh has the services, and records the metrics."""
        services = [service.name for service in mesh.services]
        for name in filter(None, (self.service, self.target)):
            if name not in services:
                raise ValueError(f"there is no service {shown(name)}{suggestion(name, services)}")
        metrics = metric_table.of(mesh.telemetry).metrics
        for name in self.expression.names:
            if name not in metrics:
                raise ValueError(f"there is no metric {shown(name)}{suggestion(name, metrics)}")


@dataclass(frozen=True)
class OfRecords(Response):
    """The first value of an SQL statement over the records."""

    def check(self, mesh: Topology) -> None:
        """Check that the statement can be executed, on empty tables of records."""
        self.of({kind: pl.DataFrame(schema=each.frame_schema) for kind, each in RECORD_KINDS.items()})

    def of(self, frames: Mapping[str, pl.DataFrame]) -> float:
        """The first value, as a number; nan if there is none. Raises as `sql.number`."""
        return sql.number(self.text, frames)


@dataclass(frozen=True)
class Bounded(Response):
    """Whether another response is above a bound, or below."""

    of: Response = field(default_factory=lambda: Response("", ""))
    above: bool = True
    bound: float = 0.0

    @property
    def is_share(self) -> bool:
        """True: the condition holds or not."""
        return True

    def check(self, mesh: Topology) -> None:
        """Check that the mesh has what the other response asks for."""
        self.of.check(mesh)

    def holds(self, value: float) -> float:
        """1 if the condition holds for a value of the other response, 0 if not; nan if there is none."""
        return np.nan if np.isnan(value) else float(value > self.bound if self.above else value < self.bound)
