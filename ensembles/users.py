"""The outcomes of users' requests in one run, and figures over some of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import ROW
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.spans.spans import trace_words
from meshquake.sim.telemetry.tables import Tables
from meshquake.topology.errors import SUCCESS
from meshquake.truth.objective import is_bad, is_failed
from meshquake.truth.watch import Requests

Floats = NDArray[np.float64]

_PERCENTILES = {f"latency_p{name}": share for name, share in (("50", 0.5), ("90", 0.9), ("95", 0.95), ("99", 0.99))} | {
    "latency_p999": 0.999
}


class Users:
    """Takes the output of a run, and keeps the outcomes of users' own requests: some 30 bytes per request.

    Parameters
    ----------
    simulation
        The run.
    calls
        Whether to keep when calls between services were sent, too.

    Attributes
    ----------
    sent, took, ended
        When each request came, how long it took, and when it was over (seconds), in order of arrival; after `finish`.
    """

    def __init__(self, simulation: Simulation, calls: bool = False) -> None:
        self._tables = Tables(simulation.mesh, simulation.start)
        self._objective = simulation.topology.workload.objective
        self._entries = [f"{entry.service}.{entry.operation}" for entry in simulation.topology.workload.mix]
        self._kept: list[tuple[NDArray[np.generic], ...]] = []
        self._with_calls = calls
        #: When calls between services were sent, and the entries of their requests.
        self._calls: list[tuple[Floats, NDArray[np.int64]]] = []

    def take(self, cut: Cut) -> None:
        """Take what happened since the cut before."""
        rows = np.frombuffer(cut.rows, dtype=ROW)
        own = self._tables.site_parent[rows["site"]] < 0
        if self._with_calls:
            inside = rows[~own]
            self._calls.append((inside["sent"].copy(), self._tables.site_entry[inside["site"]]))
        rows = rows[own]
        _, words = trace_words(self._tables, rows["site"], rows["number"])
        found = Requests(self._tables, rows, words)
        self._kept.append(
            (
                found.rows["sent"].copy(),
                found.words,
                found.duration,
                is_failed(found),
                is_bad(found, self._objective),
                found.rows["outcome"] == SUCCESS,
                found.entry,
            )
        )

    def finish(self) -> None:
        """Finish: no more output comes."""
        sent, words, took, failed, bad, success, entry = map(np.concatenate, zip(*self._kept, strict=True))
        order = np.lexsort((words, sent))
        self.sent, self.took = sent[order], took[order]
        self.ended = self.sent + self.took
        self._failed, self._bad, self._success = failed[order], bad[order], success[order]
        self._entry = entry[order]
        self._kept.clear()

    def figure(self, name: str, start: float, end: float, entry: str = "") -> float:
        """A figure (`responses.OF_USERS`) of a stretch of time, of all requests or of those at one entry.

        Rates per second count the requests that ended in the stretch, all else those that came in it. nan if there is
        nothing to count, or the stretch has no length.
        """
        if end <= start:
            return np.nan
        own = np.ones(len(self.sent), dtype=bool) if not entry else self._entry == self._entries.index(entry)
        if name in ("answered", "goodput"):
            counted = self._success if name == "answered" else ~self._bad
            inside = (self.ended >= start) & (self.ended < end)
            return float(np.sum(own & counted & inside) / (end - start))
        chosen = own & (self.sent >= start) & (self.sent < end)
        if name == "requests":
            return float(chosen.sum())
        if not chosen.any():
            return np.nan
        if name == "calls":
            return self._sent(start, end, entry) / float(chosen.sum())
        return float(_FIGURES[name](self, chosen))

    def _sent(self, start: float, end: float, entry: str) -> int:
        """How many calls between services were sent in a stretch of time, only for requests at `entry` if named."""
        wanted = self._entries.index(entry) if entry else None
        return sum(
            int(np.sum((sent >= start) & (sent < end) & (True if wanted is None else of == wanted)))
            for sent, of in self._calls
        )

    def _share(self, what: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
        return float(what[chosen].mean())


_FIGURES: dict[str, Callable[[Users, NDArray[np.bool_]], float]] = {
    "error_rate": lambda users, chosen: users._share(users._failed, chosen),
    "bad_rate": lambda users, chosen: users._share(users._bad, chosen),
    "latency_mean": lambda users, chosen: float(users.took[chosen].mean() * 1000),
    **{
        name: lambda users, chosen, share=share: float(np.quantile(users.took[chosen], share) * 1000)  # type: ignore[misc]
        for name, share in _PERCENTILES.items()
    },
}
