"""One-minute incidents on a mesh of two services, quick to play."""

from functools import cache

from small_cases import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import BATCH, Simulation
from meshquake.topology import loader as topology_loader

LENGTHS = "name: x\nlead_in: 20s\nduration: 20s\nrecovery: 10s\nconfounders: none\n"
LOUD = LENGTHS + "faults: [slow: {target: store, factor: 400}]\n"
GONE = LENGTHS + "faults: [stop: {target: store}]\n"
UNFELT = LENGTHS + "faults: [slow: {target: store, factor: 2}]\n"
BOTH = (
    LENGTHS
    + "faults: [slow: {target: store, factor: 400, for: 50%}, fail: {target: web, share: 50%, at: 60%, for: 40%}]\n"
)
SHIFTED = LENGTHS + "background: [fail: {target: web, share: 60%}]\nfaults: [slow: {target: store, factor: 2}]\n"


@cache
def mesh():
    return topology_loader.parse(SMALL.replace("workers: 4", "workers: 40"), "small.yaml")


def run(text, observability=None, batch=BATCH):
    options = Options(seed=5, observability=observability)
    return Simulation.of(parse(text, "x.yaml", options, mesh=mesh()), batch=batch)
