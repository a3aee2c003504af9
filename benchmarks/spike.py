"""A spike that overload outlives, with and without pauses between retries: `python -m meshquake.benchmarks.spike`.

M. Brooker's simulation of it (https://github.com/mbrooker/simulator_example, `simple_collapse_sim`): a server takes 1 s
and a hundredth more for each request that it has in hand, the new one included; the network takes 0.1 s each way
(exponential); callers wait for 3 s and try three times. 40 requests a second come, 80 for five of the eighty seconds.
Either nothing is answered any more, or all is well again: an average over runs says how many of them collapse.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from statistics import fmean, stdev
from typing import Any

import numpy as np

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.surge import Surge
from meshquake.sim.engine.call import ROW
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import SUCCESS
from meshquake.topology.loader import parse

#: Retries at once; and after pauses, uniform up to 20 s and then up to 40 s.
AT_ONCE, BACKING_OFF = "{max_attempts: 3, base: 0s}", "{max_attempts: 3, base: 20s, maximum: 40s}"
_MESH = """
name: spike
defaults: {edge: {latency: {exponential: 100ms}, timeout: 3s, retry: RETRY}}
services:
  client: {workers: 100000, operations: {ask: {calls: server.serve}}}
  server:
    workers: 100000
    readiness: {period: 600s}
    operations: {serve: {work: 1.01s, contention: 0.990099%}}  # 1 s, and 0.01 s for each in hand
workload: {rate: 40/s, mix: {client.ask: 1}}
"""


def goodput(retry: str, seed: int) -> tuple[float, float, float]:
    """Calls that succeed a second: before the spike, in the ten seconds after it, and from 25 s after it on."""
    mesh = Mesh(parse(_MESH.replace("RETRY", retry), "spike.yaml").topology, seed, 80.0)
    spike = Surge(id="surge", target=Target("users"), factor=2.0)

    def begin() -> Generator[Any, Any, None]:
        yield mesh.timeout(20.0)
        yield from spike.run(mesh, Window(20.0, 20.0, 25.0))

    mesh.env.process(begin())
    mesh.env.advance(80.0)
    rows = np.frombuffer(mesh.engine.take(), dtype=ROW)
    own = [site.index for site in mesh.sites if site.service.spec.name == "server"]
    answered = rows["ended"][np.isin(rows["site"], own) & (rows["result"] == SUCCESS)]
    before, _, after, _, late = np.histogram(answered, bins=[5, 20, 25, 35, 50, 80])[0]
    return before / 15, after / 10, late / 30


def main(runs: int = 400) -> None:
    """Print a line for each way to retry."""
    for name, retry in (("at once", AT_ONCE), ("backing off", BACKING_OFF)):
        before, after, late = zip(*(goodput(retry, seed) for seed in range(1, runs + 1)), strict=True)
        told = ", ".join(f"{fmean(each):.1f} +- {2 * stdev(each) / runs**0.5:.1f}" for each in (before, after, late))
        down = sum(each < 1 for each in late)
        print(f"retries {name}: {told} a second before, after and late; {down} of {runs} down for good")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
