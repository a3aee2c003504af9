"""The type of a solver, and the periods that all solvers compare: before users felt it, and while they did."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.diagnosis import Diagnosis

#: Investigates an incident with its tools; returns None if nothing seems wrong.
Solver = Callable[[Incident], Diagnosis | None]

_BROKEN = re.compile(r"^That was broken at (\S+ \S+) UTC, (?:until (\S+ \S+) UTC)?", re.MULTILINE)
_NOW = re.compile(r"\(\+([0-9.]+)s\)")


@dataclass(frozen=True)
class Stretches:
    """The bounds of the periods to compare, in seconds since the recording began.

    Attributes
    ----------
    onset
        Start of the bad period: when the SLO of users was first broken.
    calm
        End of the calm period, which is the first half of the time before the onset, as trouble begins before users
        feel it.
    end
        End of the bad period.
    """

    onset: float
    calm: float
    end: float

    @property
    def before(self) -> dict[str, str]:
        """The calm period as arguments of a tool."""
        return {"since": "+0s", "until": f"+{self.calm:g}s"}

    @property
    def during(self) -> dict[str, str]:
        """The bad period as arguments of a tool."""
        return {"since": f"+{self.onset:g}s", "until": f"+{self.end:g}s"}


def stretches(incident: Incident) -> Stretches | None:
    """Derive the periods from the brief; None if nobody was paged."""
    told = incident.call("get_brief")
    found = _BROKEN.search(told["brief"])
    if found is None:
        return None
    start = datetime.fromisoformat(told["start"])
    now = float(_NOW.findall(told["now"])[0])
    onset = _since(found[1], start)
    until = now if found[2] is None else _since(found[2], start)
    # The default window of the SLO is ten seconds: what broke or restored it happened within the ten seconds before.
    first = max(1.0, onset - 10)
    return Stretches(first, max(1.0, onset / 2), min(now, max(until, first + 20)))


def _since(text: str, start: datetime) -> float:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - start).total_seconds()


def called(incident: Incident, metric: str) -> str | None:
    """Return the recorded name of a catalogue metric; None if it isn't recorded or metrics are withheld."""
    return incident.view.called(metric) if "query_metrics" in incident.tools else None
