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
from meshquake.ensembles.phase import DURING, Phase
from meshquake.ensembles.place import Place
from meshquake.ensembles.sections import Sections
from meshquake.faults.loader import LoadedScenario
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.problems import suggestion
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

    def check(self, loaded: LoadedScenario, warm_up: float = 0.0) -> None:
        """Raise ValueError if a run cannot have a value.

        Parameters
        ----------
        loaded
            The scenario and the mesh of a run.
        warm_up
            Seconds that are cut off at its beginning.
        """


@dataclass(frozen=True)
class OfUsers(Response):
    """A figure of users' requests, or of those at one entry operation if it is named."""

    figure: str = ""
    phase: Phase = DURING
    entry: str = ""

    @property
    def skewed(self) -> bool:
        """Whether it is a percentile."""
        return self.figure.startswith("latency_p")

    @property
    def sections(self) -> Sections:
        """Requests add up; all else is per request or per second."""
        return Sections.PARTS if self.figure == "requests" else Sections.ALIKE

    def check(self, loaded: LoadedScenario, warm_up: float = 0.0) -> None:
        """Check that the entry exists, and that there is such a time."""
        self.phase.check(loaded.scenario, warm_up, sampled=False)
        entries = [f"{each.service}.{each.operation}" for each in loaded.topology.workload.mix]
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
    place: Place = field(default_factory=lambda: Place(""))
    phase: Phase = DURING

    @property
    def sections(self) -> Sections:
        """By its summary."""
        return {"mean": Sections.ALIKE, "sum": Sections.PARTS}.get(self.summary, Sections.NONE)

    def check(self, loaded: LoadedScenario, warm_up: float = 0.0) -> None:
        """Check that the metrics are recorded of the place, and that there is such a time."""
        self.place.check(self.expression.names, loaded)
        self.phase.check(loaded.scenario, warm_up, sampled=True)


@dataclass(frozen=True)
class OfRecords(Response):
    """The first value of an SQL statement over the records."""

    def check(self, loaded: LoadedScenario, warm_up: float = 0.0) -> None:
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

    def check(self, loaded: LoadedScenario, warm_up: float = 0.0) -> None:
        """Check the other response."""
        self.of.check(loaded, warm_up)

    def holds(self, value: float) -> float:
        """1 if the condition holds for a value of the other response, 0 if not; nan if there is none."""
        return np.nan if np.isnan(value) else float(value > self.bound if self.above else value < self.bound)
