"""Outcomes of users' requests in a live mesh: each is reported once, as soon as it is known.

The outcome of a request that succeeds or fails is known when it completes. One that takes longer than the SLO allows is
known to be bad at that moment, though it may stay in flight for long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshquake.sim.engine.call import NEVER, ROW
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.ids import Words
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.spans.spans import trace_words
from meshquake.sim.telemetry.tables import Floats, Ints, Tables
from meshquake.truth.objective import Mask, is_bad, is_failed
from meshquake.truth.watch import Requests


@dataclass(frozen=True, eq=False)
class Known:
    """Requests of users with known outcomes: arrays with an element for each.

    Attributes
    ----------
    words
        The word that identifies a request in every run of a seed (`truth.watch.Requests`).
    entry
        Position of its entry operation in the mix.
    time
        When its outcome became known (simulated seconds).
    failed, late
        Whether it failed; whether it did not, but took longer than promised or than its user waited.
    """

    words: Words
    entry: Ints
    time: Floats
    failed: Mask
    late: Mask

    @property
    def bad(self) -> Mask:
        """Whether it failed or was too late."""
        return self.failed | self.late

    def __len__(self) -> int:
        return len(self.words)


class Answers:
    """Follows the users of a run that is played second by second.

    Parameters
    ----------
    simulation
        The run, not yet started.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._engine = simulation.mesh.engine
        self._tables = Tables(simulation.mesh, simulation.start)
        self._objective = simulation.topology.workload.objective
        #: Words of requests that were reported as too late and are still in flight.
        self._late: set[int] = set()

    def take(self, cut: Cut, now: float) -> Known:
        """Return the outcomes that became known since the cut before, until `now`."""
        found = [self._over(cut), self._overdue(now)]
        names = ("words", "entry", "time", "failed", "late")
        return Known(*(np.concatenate([getattr(each, name) for each in found]) for name in names))

    def _over(self, cut: Cut) -> Known:
        """Return completed requests that were not reported before."""
        tables, rows = self._tables, np.frombuffer(cut.rows, dtype=ROW)
        rows = rows[tables.site_parent[rows["site"]] < 0]
        words = trace_words(tables, rows["site"], rows["number"])[1]
        told = np.isin(words, np.array(sorted(self._late), dtype=np.uint64))
        self._late.difference_update(words[told].tolist())
        requests = Requests(tables, rows[~told], words[~told])
        failed, within = is_failed(requests), self._objective.within
        took = np.where(failed, requests.duration, np.minimum(requests.duration, within))
        late = is_bad(requests, self._objective) & ~failed
        return Known(requests.words, requests.entry, requests.rows["sent"] + took, failed, late)

    def _overdue(self, now: float) -> Known:
        """Return requests in flight that have become too late by now."""
        tables, within = self._tables, self._objective.within
        found = []
        for root in self._engine.live:  # oldest first; some have been answered and only have background work left
            if root.sent + within >= now:
                break
            if root.finished == NEVER:
                found.append((root.site.index, root.number, root.sent))
        site, number, sent = (np.array(each) for each in zip(*found, strict=True)) if found else (np.zeros(0, int),) * 3
        words = trace_words(tables, site, number)[1]
        fresh = np.array([word not in self._late for word in words.tolist()], dtype=bool)
        self._late.update(words[fresh].tolist())
        site, words, sent = site[fresh], words[fresh], sent[fresh]
        late = np.ones(len(words), dtype=bool)
        return Known(words, tables.site_entry[site], sent + within, ~late, late)
