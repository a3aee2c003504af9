"""The same requests once more, with one thing changed: who would have been saved, and who lost.

Both runs are played side by side, and beside each the same mesh without faults, which tells what the faults do to its
services. Requests are compared by number, so the comparison is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.sim.telemetry.tables import Floats
from meshquake.topology.spec import Objective
from meshquake.truth.departures import departures
from meshquake.truth.objective import Mask, is_bad, is_failed
from meshquake.truth.watch import Requests, Watch

Counts = NDArray[np.int64]

#: Stretches of time in which the two runs are shown side by side, about.
_STRETCHES = 20
_LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Figures:
    """The requests of users in some stretch of time: how many, how many failed and how many came too late.

    `p50` and `p95` are latencies in milliseconds, by nearest rank; None if there are no requests.
    """

    requests: int
    failed: int
    slow: int
    p50: float | None
    p95: float | None

    @property
    def bad(self) -> float | None:
        """Share of requests that failed or came too late; None if there are none."""
        return (self.failed + self.slow) / self.requests if self.requests else None


@dataclass(frozen=True)
class Unmatched:
    """The requests that one run makes and the other doesn't: how many, and how many of them are bad."""

    requests: int
    bad: int


@dataclass(frozen=True)
class Difference:
    """What a change makes of a run.

    Attributes
    ----------
    before, after
        Figures of all requests, without the change and with it.
    saved, lost
        Of the requests made in both runs, those that are bad only without the change, and only with it.
    only_before, only_after
        The requests that are made without the change only, and with it only: a surge's, or those of another length,
        rate or mix. They are neither saved nor lost.
    stretches
        Side by side over time: where each stretch begins (seconds from the start of the incident), and the figures of
        the requests that came in it.
    hit, hit_after
        The services whose error share or latency leaves what it would be without faults, without and with the change.
    """

    before: Figures
    after: Figures
    saved: int
    lost: int
    only_before: Unmatched
    only_after: Unmatched
    stretches: list[tuple[float, Figures, Figures]]
    hit: list[str]
    hit_after: list[str]

    @property
    def spared(self) -> list[str]:
        """The services that are hit without the change only."""
        return [name for name in self.hit if name not in self.hit_after]

    @property
    def newly_hit(self) -> list[str]:
        """The services that are hit with the change only."""
        return [name for name in self.hit_after if name not in self.hit]


class _Side:
    """One of the two runs, with the one without faults beside it."""

    def __init__(self, simulation: Simulation, healthy: Watch | None, objective: Objective) -> None:
        ids = [fault.id for fault in simulation.scenario.faults]
        self.run = Watch(simulation)
        self.healthy = healthy or (Watch(simulation.without(ids)) if ids else self.run)
        self._objective = objective
        #: When each request came, how long it took, whether it failed, and whether it's bad.
        self._requests: list[tuple[Floats, Floats, Mask, Mask]] = []

    def take(self, requests: Requests) -> Mask:
        """Take some requests into account; returns which of them are bad."""
        bad = is_bad(requests, self._objective)
        self._requests.append((requests.rows["sent"], requests.duration, is_failed(requests), bad))
        return bad

    def figures(self, start: float, end: float) -> Figures:
        """Figures of the requests that came from `start` to `end` (simulated seconds)."""
        sent, duration, failed, bad = map(np.concatenate, zip(*self._requests, strict=True))
        chosen = (sent >= start) & (sent < end)
        ordered = np.sort(duration[chosen]) * 1000
        lost = int(failed[chosen].sum())
        return Figures(
            requests=len(ordered),
            failed=lost,
            slow=int(bad[chosen].sum()) - lost,
            p50=_rank(ordered, 0.5),
            p95=_rank(ordered, 0.95),
        )

    def hit(self) -> list[str]:
        """The services whose symptoms leave what they'd be without faults, in the mesh's order."""
        faults = self.run.simulation.scenario.faults
        if not faults:
            return []
        begin = min(self.run.simulation.scenario.window(fault).start for fault in faults)
        usual = self.healthy.samples()
        found = departures(self.run.samples(), usual, usual, begin)
        services = {
            series.service
            for series in found
            if METRICS[series.metric].is_symptom and series.replica is None and series.target is None
        }
        return [service.name for service in self.run.simulation.topology.services if service.name in services]


def compare(before: Simulation, after: Simulation, on_clock: Callable[[float], None]) -> Difference:
    """Play two runs of a seed and say what differs.

    Parameters
    ----------
    before, after
        The runs, not played yet, without the change and with it.
    on_clock
        Hears of simulated time.
    """
    objective = before.topology.workload.objective
    one = _Side(before, None, objective)
    same_mesh = before.topology == after.topology and before.scenario.background == after.scenario.background
    same_mesh &= before.scenario.length == after.scenario.length and bool(after.scenario.faults)
    two = _Side(after, one.healthy if same_mesh and before.scenario.faults else None, objective)
    watches = list(dict.fromkeys([one.run, two.run, one.healthy, two.healthy]))
    counts = np.zeros(6, dtype=np.int64)
    for cut in one.run.cuts:
        one.run.take(cut)
        for watch in watches[1:]:
            watch.follow(before.mesh.now)
        counts += _count(one, two, watches)
        on_clock(cut.clock)
    for watch in watches[1:]:
        watch.finish()
    counts += _count(one, two, watches)
    saved, lost, *unmatched = counts.tolist()
    length = max(before.scenario.length, after.scenario.length)
    return Difference(
        before=one.figures(0, np.inf),
        after=two.figures(0, np.inf),
        saved=saved,
        lost=lost,
        only_before=Unmatched(*unmatched[:2]),
        only_after=Unmatched(*unmatched[2:]),
        stretches=list(_stretches(one, two, length)),
        hit=one.hit(),
        hit_after=two.hit(),
    )


def _count(one: _Side, two: _Side, watches: list[Watch]) -> Counts:
    """Compare the requests that are over everywhere.

    Returns how many the change saves and loses, and of those made without it only, and with it only, how many there
    are and how many are bad.
    """
    until = min(watch.horizon for watch in watches)
    requests = {watch: watch.settled(until) for watch in watches}
    before, after = requests[one.run], requests[two.run]
    bad, bad_after = one.take(before), two.take(after)
    place = after.find(before.words)
    both = place >= 0
    once, again = bad[both], bad_after[place[both]]
    new = ~np.isin(after.words, before.words)
    counted = (once & ~again, again & ~once, ~both, bad & ~both, new, bad_after & new)
    return np.array([each.sum() for each in counted], dtype=np.int64)


def _stretches(one: _Side, two: _Side, length: float) -> list[tuple[float, Figures, Figures]]:
    """The two runs side by side, in stretches that count from the start of the incident."""
    step = float(next((each for each in _LENGTHS if length / each <= _STRETCHES), _LENGTHS[-1]))
    incident = one.run.simulation.scenario.lead_in
    first = -step * np.ceil(incident / step)
    times = np.arange(first, length - incident, step)
    return [
        (
            max(time, -incident) + 0.0,  # never -0.0
            one.figures(incident + time, incident + time + step),
            two.figures(incident + time, incident + time + step),
        )
        for time in times.tolist()
    ]


def _rank(ordered: Floats, quantile: float) -> float | None:
    """A quantile of ordered values, by nearest rank."""
    return round(float(ordered[int(np.ceil(quantile * len(ordered))) - 1]), 3) if len(ordered) else None
