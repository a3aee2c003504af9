"""What a solver is, and the stretches of time that all of them compare: before users felt it, and while they did."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.diagnosis import Diagnosis

#: Looks at an incident with its tools; None if nothing seems to be wrong.
Solver = Callable[[Incident], Diagnosis | None]

_BROKEN = re.compile(r"^That was broken at (\S+ \S+) UTC, (?:until (\S+ \S+) UTC)?", re.MULTILINE)
_NOW = re.compile(r"\(\+([0-9.]+)s\)")


@dataclass(frozen=True)
class Stretches:
    """Stretches of a recording, in seconds since it began.

    Attributes
    ----------
    onset
        When the promise to users was first broken.
    calm
        When the time ends that is taken for usual: trouble begins before users feel it, so it's half of what came
        before.
    end
        When the time ends that is compared with it.
    """

    onset: float
    calm: float
    end: float

    @property
    def before(self) -> dict[str, str]:
        """The usual time, as tools are asked for it."""
        return {"since": "+0s", "until": f"+{self.calm:g}s"}

    @property
    def during(self) -> dict[str, str]:
        """The time in which users felt it, as tools are asked for it."""
        return {"since": f"+{self.onset:g}s", "until": f"+{self.end:g}s"}


def stretches(incident: Incident) -> Stretches | None:
    """The stretches that the brief tells of; None if nobody was paged."""
    told = incident.call("get_brief")
    found = _BROKEN.search(told["brief"])
    if found is None:
        return None
    start = datetime.fromisoformat(told["start"])
    now = float(_NOW.findall(told["now"])[0])
    onset = _since(found[1], start)
    until = now if found[2] is None else _since(found[2], start)
    # What breaks a promise is of the ten seconds before, and what mends it too.
    first = max(1.0, onset - 10)
    return Stretches(first, max(1.0, onset / 2), min(now, max(until, first + 20)))


def _since(text: str, start: datetime) -> float:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - start).total_seconds()


def called(incident: Incident, metric: str) -> str | None:
    """What the recording calls a metric of the catalogue; None if it has none such, or metrics are withheld."""
    return incident.view.called(metric) if "query_metrics" in incident.tools else None
