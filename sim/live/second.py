"""What a second of a running mesh shows: rates, errors and latencies of the calls that ended in it, and how it stands.

Figures are of what is over, as it is over: nobody waits until all of a request has settled, as records do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import NEVER, ROW
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.engine.replica import Replica
from meshquake.sim.mesh import Mesh
from meshquake.sim.policies.breaker import CLOSED, Breaker
from meshquake.topology.errors import CODES

Figures = NDArray[np.float32]
Ints = NDArray[np.int64]
_TIMEOUT: Final = CODES["timeout"]
#: The columns of what is known of services, and of edges.
OF_SERVICES: Final = ("rate", "errors", "p50", "p95", "workers", "queue", "ready", "replicas")
OF_EDGES: Final = ("rate", "errors", "retries", "timeouts", "open", "callers")


@dataclass(frozen=True, eq=False)
class Second:
    """One second that is over.

    Attributes
    ----------
    time
        Its end, in simulated seconds.
    entry
        Requests of users that ended in it, those of them that failed, and their p50, p95 and p99 in milliseconds (nan
        if there were none).
    services, edges
        A row each in the order of the mesh, by `OF_SERVICES` and `OF_EDGES`: calls a second and those that failed,
        latencies in milliseconds, the share of workers in use, calls that wait, replicas that get calls and all; calls
        sent, those that failed, further attempts, timeouts, callers whose breaker isn't closed, and all callers.
    """

    time: float
    entry: tuple[int, int, float, float, float]
    services: Figures
    edges: Figures

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, with None for what there is not."""
        return {
            "time": self.time,
            "entry": dict(zip(("rate", "errors", "p50", "p95", "p99"), map(_plain, self.entry), strict=True)),
            "services": [[_plain(value) for value in row] for row in self.services.tolist()],
            "edges": [[_plain(value) for value in row] for row in self.edges.tolist()],
        }


class Onlooker:
    """Makes seconds of a mesh from the rows of calls that are over. It looks, and changes nothing."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._service = np.array([site.service.index for site in mesh.sites], dtype=np.int64)
        places = {edge: place for place, edge in enumerate(mesh.edges)}
        self._edge = np.array([-1 if site.edge is None else places[site.edge] for site in mesh.sites], dtype=np.int64)

    def second(self, rows: bytes) -> Second:
        """The second that is over now, in which these calls ended."""
        calls = np.frombuffer(rows, ROW)
        served = calls[(calls["arrived"] != NEVER) & (calls["finished"] != NEVER)]
        users = calls[self._edge[calls["site"]] < 0]
        durations = (served["finished"] - served["arrived"]) * 1e3
        return Second(
            round(self._mesh.now, 6),
            _entry(users),
            self._services(self._service[served["site"]], durations, served["outcome"] != 0),
            self._edges(calls),
        )

    def _services(self, of: Ints, durations: NDArray[np.float64], failed: NDArray[np.bool_]) -> Figures:
        services = list(self._mesh.services.values())
        count = len(services)
        found = np.full((count, len(OF_SERVICES)), np.nan, dtype=np.float32)
        found[:, 0], found[:, 1] = np.bincount(of, minlength=count), np.bincount(of[failed], minlength=count)
        order = np.lexsort((durations, of))
        ends = np.cumsum(found[:, 0]).astype(np.int64)
        for index, service in enumerate(services):
            own = durations[order[ends[index] - int(found[index, 0]) : ends[index]]]
            if len(own):
                found[index, 2:4] = _rank(own, 0.5), _rank(own, 0.95)
            up = [replica for replica in service.replicas if replica.up]
            workers = service.spec.workers * len(up)
            busy = workers - sum(replica.free for replica in up)
            found[index, 4] = busy / workers if workers else np.nan
            found[index, 5] = sum(map(_waiting, up))
            found[index, 6:] = len(service.ready), len(service.replicas)
        return found

    def _edges(self, calls: NDArray[np.void]) -> Figures:
        edges = self._mesh.edges
        found = np.zeros((len(edges), len(OF_EDGES)), dtype=np.float32)
        sent = calls[(self._edge[calls["site"]] >= 0) & (calls["ended"] != NEVER)]
        of, result = self._edge[sent["site"]], sent["result"]
        again = (sent["attempt_path"] & ATTEMPT) > 0
        for column, chosen in enumerate((slice(None), result != 0, again, result == _TIMEOUT)):
            found[:, column] = np.bincount(of[chosen], minlength=len(edges))
        for place, edge in enumerate(edges):
            states = [replica.callers[edge.index] for replica in edge.caller.replicas]
            breakers = [policy for state in states for _, _, policy in state.every() if isinstance(policy, Breaker)]
            found[place, 4:] = sum(breaker.state != CLOSED for breaker in breakers), len(states)
        return found


def _entry(users: NDArray[np.void]) -> tuple[int, int, float, float, float]:
    durations = np.sort(users["finished"] - users["arrived"]) * 1e3
    quantiles = [_rank(durations, each) if len(users) else np.nan for each in (0.5, 0.95, 0.99)]
    return len(users), int((users["outcome"] != 0).sum()), *quantiles  # type: ignore[return-value]  # three of them


def _rank(ordered: NDArray[np.float64], quantile: float) -> float:
    """A quantile by nearest rank of numbers in order."""
    return float(ordered[max(0, int(np.ceil(quantile * len(ordered))) - 1)])


def _waiting(replica: Replica) -> int:
    return len(replica.queue)


def _plain(value: float) -> float | None:
    return None if value != value else round(float(value), 3)
