"""Open against closed load, to the precision that a test has no time for: `python -m meshquake.benchmarks.open_closed`.

M. Brooker ("Open and closed, omission and collapse", 2023): a server takes 0.1 ms, and 10 ms for one request in a
thousand. Prints the p99 of an open load, of the Lindley recursion with the same law, and of one closed client.
"""

from __future__ import annotations

import sys
from statistics import fmean, stdev

import numpy as np

from meshquake.sim.engine.call import ROW
from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import parse

_WORK = "{mixture: [{weight: 999, constant: 0.1ms}, {weight: 1, constant: 10ms}]}"
_MEAN = 0.999 * 1e-4 + 0.001 * 1e-2
_MESH = """
name: one
services: {{web: {{workers: 1, queue: 10000000, readiness: {{period: 600s}}, operations: {{home: {{work: {work}}}}}}}}}
workload: {{populations: {{them: {{{them}, mix: {{web.home: 1}}}}}}}}
"""


def p99(them: str, seed: int, seconds: float) -> float:
    """The p99 (ms) of how long users waited."""
    mesh = Mesh(parse(_MESH.format(work=_WORK, them=them), "one.yaml").topology, seed, seconds)
    mesh.env.advance(seconds)
    while mesh.engine.live:
        mesh.env.advance(mesh.now + 1)
    rows = np.frombuffer(mesh.engine.take(), dtype=ROW)
    return float(np.quantile(rows["finished"] - rows["sent"], 0.99)) * 1000


def lindley(load: float, seed: int, requests: int) -> float:
    """The p99 (ms) by the recursion W' = max(0, W + S - A)."""
    random = np.random.default_rng(seed)
    work = np.where(random.random(requests) < 0.001, 1e-2, 1e-4)
    steps = np.concatenate([[0.0], np.cumsum(work[:-1] - random.exponential(_MEAN / load, requests - 1))])
    waits = steps - np.minimum.accumulate(steps)
    return float(np.quantile(waits + work, 0.99)) * 1000


def main(runs: int = 20, seconds: float = 10.0) -> None:
    """Print a line for each load."""
    for load in (0.8, 0.88):
        rate = load / _MEAN
        simulated = [p99(f"rate: {rate:.9g}/s", seed, seconds) for seed in range(runs)]
        recursion = [lindley(load, seed, int(rate * seconds)) for seed in range(runs)]
        told = (f"{fmean(each):.1f} +- {2 * stdev(each) / runs**0.5:.1f}" for each in (simulated, recursion))
        print(f"load {load}: p99 {' ms, recursion '.join(told)} ms")
    print(f"one closed client: p99 {p99('users: 1', 1, seconds):.2f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
