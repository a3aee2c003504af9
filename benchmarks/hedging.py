"""Hedges and the tail of a fan-out, played: `python -m meshquake.benchmarks.hedging`.

"The Tail at Scale" (J. Dean and L. A. Barroso, CACM 2013): reading 1,000 values from 100 servers, a hedge after 10 ms
took p99.9 from 1,800 to 74 ms, for 2% more requests. Of how long single reads take it says nothing, so there are two
answers here, both with 2% of them beyond 10 ms: a tail that gives both figures (Pareto), and one as of most services
(lognormal), whose tail is short.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import binom

from meshquake.sim.engine.call import ROW
from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import parse

_PARETO = (
    "{mixture: [{weight: 98%, gamma: {mean: 4ms, cv: 0.2}},"
    " {weight: 2%, pareto: {minimum: 10ms, alpha: 1.55, maximum: 1.8s}}]}"
)
#: 2% beyond 10 ms: ln(10/4) is 2.054 sigma.
_LOGNORMAL = "{lognormal: {median: 4ms, sigma: 0.446}}"
_MESH = """
name: values
defaults: {edge: {latency: 0s}}
services:
  web: {workers: 100000, operations: {read: {calls: [store.get: {times: 1000, at_once: true}]}}}
  store: {replicas: 100, workers: 10000, readiness: {period: 600s}, operations: {get: {work: WORK}}}
edges: {web -> store: {hedge: DELAY}}
workload: {rate: 10/s, mix: {web.read: 1}}
"""


def times(work: str, delay: str, seed: int, reads: int) -> tuple[list[float], int]:
    """How long it took to read all values (ms), and how many calls there were."""
    mesh = Mesh(parse(_MESH.replace("WORK", work).replace("DELAY", delay), "values.yaml").topology, seed, reads / 10)
    took: list[float] = []
    calls = 0
    while mesh.now < mesh.end or mesh.engine.live:
        mesh.env.advance(mesh.now + 2.0)  # a read has a thousand rows
        rows = np.frombuffer(mesh.engine.take(), dtype=ROW)
        users = rows[rows["caller"] < 0]
        took += ((users["finished"] - users["arrived"]) * 1000).tolist()
        calls += len(rows) - len(users)
    return took, calls


def main(runs: int = 4, reads: int = 1500) -> None:
    """Print a line for each law of the times of single reads: p99.9, between which of the reads it lies (95%)."""
    for name, work in (("pareto", _PARETO), ("lognormal", _LOGNORMAL)):
        for delay in ("1h", "10ms"):
            found = [times(work, delay, seed, reads) for seed in range(1, runs + 1)]
            took = sorted(each for one, _ in found for each in one)
            low, high = (took[min(int(rank), len(took) - 1)] for rank in binom.interval(0.95, len(took), 0.999))
            more = sum(calls for _, calls in found) / len(took) / 1000 - 1
            p999 = np.quantile(took, 0.999)
            print(
                f"{name}, hedge after {delay}: p99.9 {p999:.0f} ms ({low:.0f} to {high:.0f}), {more:.2%} more requests",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
