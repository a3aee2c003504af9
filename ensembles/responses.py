"""Responses: what is asked of a run in a line of text, about its users, its key, a metric, or its records.

    entry.error_rate              what users met during the incident; @before, @after, @whole, or @10s..30s of it
    entry.latency_p99 of web.home one of the entry operations
    key.harmed                    what the answer key says
    max(queue_depth / 8) of database@after    a metric second by second, or an expression over several
    select count(*) from logs where level = 'ERROR'    any SQL over the records
    entry.answered@after < 1      1 if true and 0 if not: the mean is the share of runs

`study_file` reads them from files, and `replication` answers them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.ensembles.sections import Sections
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry import expression
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.units import parse_duration, parse_number, shown

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
#: The most characters of a response.
LONGEST = 2000

_PHASE = re.compile(r"(.*?)@\s*([^@()'\"]+)", re.DOTALL)
_FIGURE = re.compile(r"(entry|key)\.([\w]+)(?:\s+of\s+(\S+))?")
_METRIC = re.compile(r"(\w+)\s*\((.+)\)\s+of\s+(.+)", re.DOTALL)
_PLACE = re.compile(r"([A-Za-z0-9][\w-]*)(?:\[(\d{1,6})\])?(?:\s*->\s*([A-Za-z0-9][\w-]*))?")
_BOUND = re.compile(r"(.+?)\s*([<>])\s*([-+.\w]+)", re.DOTALL)
_SQL = re.compile(r"\s*(select|with)\s", re.IGNORECASE)


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
        """The first value, as a number; nan if there is none. ValueError if execution fails or it is not a number."""
        try:
            found = pl.SQLContext(frames=dict(frames), eager=True).execute(self.text)
        except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
            raise ValueError(f"cannot be executed: {str(error).splitlines()[0]}") from None
        if not found.width:
            raise ValueError("returns no column")
        column = found.to_series(0)
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            raise ValueError(f"must return a number, not {column.dtype}")
        value = column[0] if len(column) else None
        return np.nan if value is None else float(value)


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


def response(text: str, label: str = "") -> Response:
    """Read a response, `TEXT` or `LABEL=TEXT`; ValueError if it is not valid."""
    text = text.strip()
    named = re.match(r"([A-Za-z_][\w.-]{0,59})\s*=(?!=)", text)
    if named and not label:
        return response(text[named.end() :], named[1])
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"must be a line of text of at most {LONGEST} characters")
    label = label or text
    if _SQL.match(text):
        return OfRecords(label, text)
    if (bounded := _BOUND.fullmatch(text)) and (bound := _bound(bounded[3])) is not None:
        return Bounded(label, text, response(bounded[1], label), bounded[2] == ">", bound)
    split = _PHASE.fullmatch(text)
    body, phase = (split[1].strip(), _phase(split[2].strip())) if split else (text, Phase("during"))
    if figure := _FIGURE.fullmatch(body):
        return _figure(label, text, figure, phase, split is not None)
    if metric := _METRIC.fullmatch(body):
        return _metric(label, text, metric, phase)
    raise ValueError(
        f"{shown(text)} is not a response: it must be entry.FIGURE, key.FIGURE, SUMMARY(METRICS) of SERVICE, or SQL"
        f"{suggestion(text, [*(f'entry.{each}' for each in OF_USERS), *(f'key.{each}' for each in OF_KEY)])}"
    )


def _figure(label: str, text: str, found: re.Match[str], phase: Phase, timed: bool) -> Response:
    of, name, entry = found[1], found[2], found[3] or ""
    known: Mapping[str, Any] = OF_USERS if of == "entry" else OF_KEY
    if name not in known:
        raise ValueError(f"there is no figure {shown(f'{of}.{name}')}{suggestion(name, known)}")
    if of == "entry":
        return OfUsers(label, text, name, phase, entry)
    if entry or timed:
        raise ValueError(f"{shown(text)}: figures of the key cover the whole run, without an entry or a phase")
    return OfKey(label, text, name)


def _metric(label: str, text: str, found: re.Match[str], phase: Phase) -> Response:
    summary = found[1]
    if summary not in SUMMARIES:
        raise ValueError(f"there is no summary {shown(summary)}{suggestion(summary, SUMMARIES)}")
    place = _PLACE.fullmatch(found[3].strip())
    if place is None or (place[2] and place[3]):
        raise ValueError(f"{shown(found[3])} is not a place: it must be a service, service[0], or caller -> callee")
    made = expression.parse(found[2].strip())
    replica = None if place[2] is None else place[2]
    return OfMetric(label, text, summary, made, place[1], replica, place[3], phase)


def _bound(text: str) -> float | None:
    """The bound as a number; None if the text is not a bound but the service that an edge leads to."""
    try:
        return parse_number(text)
    except ValueError:
        return None


def _phase(text: str) -> Phase:
    if text in PHASES:
        return Phase(text)
    low, dots, high = (part.strip() for part in text.partition(".."))
    try:
        if not dots:
            raise ValueError
        start, end = (parse_duration(each, plain_seconds=True) for each in (low, high))
    except ValueError:
        raise ValueError(
            f"{shown(text)} is not a phase: it must be {', '.join(PHASES)}, or a time range such as 10s..30s"
        ) from None
    if not start < end:
        raise ValueError(f"{shown(text)} is not a time range: its start must be before its end")
    return Phase("", start, end)


def usual(faults: bool) -> tuple[Response, ...]:
    """The default responses: about users' requests, and about the key if anything goes wrong."""
    of_users = ("entry.error_rate", "entry.latency_p50", "entry.latency_p95", "entry.goodput")
    of_key = ("key.harmed", "key.breach", "key.detect", "key.recovery")
    return tuple(response(each) for each in (*of_users, *(of_key if faults else ())))
