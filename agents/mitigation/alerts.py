"""Alerts on the SLO of users, over all of them and for each entry."""

from __future__ import annotations

from dataclasses import dataclass

from meshquake.agents.mitigation.answers import Known
from meshquake.topology.spec import Topology
from meshquake.truth.objective import Promise


@dataclass(frozen=True)
class Alert:
    """An SLO that is broken now.

    Attributes
    ----------
    entry
        The entry operation; empty for all of them together.
    since
        Start of the alert in simulated seconds; it has fired without interruption since.
    share
        The share of bad requests in the window of the SLO that ends now.
    """

    entry: str
    since: float
    share: float


class Alerts:
    """Watches the SLO of users, using the known outcomes of their requests.

    Parameters
    ----------
    topology
        The mesh, with its objective and its entry operations.
    length
        Length of the recording in seconds.

    Attributes
    ----------
    firing
        The alerts that fire now: that of all entries first, then by entry in the order of the mix.
    entries
        The entries that there may be alerts for, in that order.
    """

    def __init__(self, topology: Topology, length: float) -> None:
        workload = topology.workload
        self.entries = ("", *(f"{entry.service}.{entry.operation}" for entry in workload.mix))
        self.firing: tuple[Alert, ...] = ()
        self._promise = Promise(workload.objective, len(workload.mix), length)

    def take(self, known: Known, now: float) -> None:
        """Add the outcomes that became known until `now`, the end of a second."""
        self._promise.add(known.entry, known.time, known.failed, known.late)
        last = min(int(now + 1e-9), len(self._promise.total)) - 1
        window = slice(last, last + 1)
        bad, total = self._promise.bad(window), self._promise.requests(window)
        broken = self._promise.breaks(bad, window)[0]
        since = {alert.entry: alert.since for alert in self.firing}
        self.firing = tuple(
            Alert(entry, since.get(entry, now), round(float(bad[0, column] / total[0, column]), 4))
            for column, entry in enumerate(self.entries)
            if broken[column]
        )
