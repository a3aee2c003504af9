"""The same requests again, with one thing changed: which would have been saved, and which lost.

Both runs are played side by side, each beside the same mesh without faults and actions, which shows what the faults do
to its services. Requests are compared by number, so the comparison is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.topology.spec import Objective
from meshquake.truth.departures import departures
from meshquake.truth.objective import Mask, is_bad, is_failed
from meshquake.truth.ranks import Ranks
from meshquake.truth.watch import Requests, Watch

Counts = NDArray[np.int64]

#: Approximate number of stretches of time in which the two runs are shown side by side.
_STRETCHES = 20
_LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Figures:
    """Users' requests in a stretch of time: how many, how many failed and how many were answered too late.

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
    """The requests that one run makes and the other does not: how many, and how many of them are bad."""

    requests: int
    bad: int


@dataclass(frozen=True)
class Difference:
    """How a change affects a run.

    Attributes
    ----------
    before, after
        Figures of all requests, without the change and with it.
    saved, lost
        Of the requests made in both runs, those that are bad only without the change, and only with it.
    only_before, only_after
        The requests made only without the change, and only with it: those of a surge, or of another length, rate or
        mix. They are neither saved nor lost.
    stretches
        Side by side over time: when each stretch begins (seconds from the start of the incident), and the figures of
        the requests that came in it.
    hit, hit_after
        The services whose error share or latency departs from its values without faults, without and with the change.
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
        """The services that are hit only without the change."""
        return [name for name in self.hit if name not in self.hit_after]

    @property
    def newly_hit(self) -> list[str]:
        """The services that are hit only with the change."""
        return [name for name in self.hit_after if name not in self.hit]


class _Side:
    """One of the two runs, beside its run without faults."""

    def __init__(self, simulation: Simulation, healthy: Watch | None, objective: Objective, begins: Floats) -> None:
        ids = [cause.id for cause in (*simulation.scenario.faults, *simulation.scenario.actions)]
        self.run = Watch(simulation, wanted=_is_symptom)
        self.healthy = healthy or (Watch(simulation.without(ids), wanted=_is_symptom) if ids else self.run)
        self._objective = objective
        #: When each stretch begins, in simulated seconds.
        self._begins = begins
        #: By the stretch in which they came: failed requests, those answered too late, and how long all of them took.
        self._failed, self._slow = (np.zeros(len(begins), dtype=np.int64) for _ in range(2))
        self._durations = Ranks()

    def take(self, requests: Requests) -> Mask:
        """Take some requests into account; returns which of them are bad."""
        bad = is_bad(requests, self._objective)
        failed = is_failed(requests)
        stretch = np.searchsorted(self._begins, requests.rows["sent"], side="right") - 1
        np.add.at(self._failed, stretch[failed], 1)
        np.add.at(self._slow, stretch[bad & ~failed], 1)
        self._durations.add(None, requests.duration)
        for each in np.unique(stretch).tolist():
            self._durations.add(each, requests.duration[stretch == each])
        return bad

    def figures(self, stretch: int | None = None) -> Figures:
        """Figures of the requests that came in a stretch, given by number, or of all requests."""
        chosen = slice(None) if stretch is None else stretch
        return Figures(
            requests=self._durations.count(stretch),
            failed=int(self._failed[chosen].sum()),
            slow=int(self._slow[chosen].sum()),
            p50=self._rank(stretch, 0.5),
            p95=self._rank(stretch, 0.95),
        )

    def _rank(self, stretch: int | None, quantile: float) -> float | None:
        """A quantile of the latencies in milliseconds, by nearest rank."""
        count = self._durations.count(stretch)
        return round(self._durations.at(stretch, ceil(quantile * count) - 1) * 1000, 3) if count else None

    def hit(self) -> list[str]:
        """The services whose symptoms depart from their values without faults, in the order of the mesh."""
        faults = self.run.simulation.scenario.faults
        if not faults:
            return []
        begin = min(self.run.simulation.scenario.window(fault).start for fault in faults)
        usual = self.healthy.samples
        services = {series.service for series in departures(self.run.samples, usual, usual, begin)}
        return [service.name for service in self.run.simulation.topology.services if service.name in services]


def compare(before: Simulation, after: Simulation, on_clock: Callable[[float], None]) -> Difference:
    """Play two runs of a seed and say what differs.

    Parameters
    ----------
    before, after
        The runs, not played yet, without the change and with it.
    on_clock
        Called with the simulated time.
    """
    objective = before.topology.workload.objective
    lead_in = before.scenario.lead_in
    times = _stretches(lead_in, max(before.scenario.length, after.scenario.length))
    one = _Side(before, None, objective, lead_in + times)
    same_mesh = before.topology == after.topology and before.scenario.background == after.scenario.background
    same_mesh &= before.scenario.length == after.scenario.length and bool(after.scenario.faults)
    two = _Side(after, one.healthy if same_mesh and before.scenario.faults else None, objective, lead_in + times)
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
    return Difference(
        before=one.figures(),
        after=two.figures(),
        saved=saved,
        lost=lost,
        only_before=Unmatched(*unmatched[:2]),
        only_after=Unmatched(*unmatched[2:]),
        stretches=[
            (max(time, -lead_in) + 0.0, one.figures(stretch), two.figures(stretch))  # never -0.0
            for stretch, time in enumerate(times.tolist())
        ],
        hit=one.hit(),
        hit_after=two.hit(),
    )


def _count(one: _Side, two: _Side, watches: list[Watch]) -> Counts:
    """Compare the requests that are over in all runs.

    Returns how many the change saves and loses, and how many are made only without it, and only with it, and how many
    of these are bad.
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


def _stretches(incident: float, length: float) -> Floats:
    """When stretches begin, in seconds from the start of the incident, which is the start of one of them."""
    step = float(next((each for each in _LENGTHS if length / each <= _STRETCHES), _LENGTHS[-1]))
    times: Floats = np.arange(-step * np.ceil(incident / step), length - incident, step)
    return times


def _is_symptom(series: Series) -> bool:
    """Whether a series is a symptom of a whole service."""
    return METRICS[series.metric].is_symptom and series.replica is None and series.target is None
