"""A short incident for tests of what becomes of records."""

from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.simulation import Simulation


def short(**settings):
    """A cascade, not played yet: ten seconds of it, and five before and after; `settings` are those of `Simulation`."""
    loaded = load(shipped()["cascade"], Options(duration=10, lead_in=5, recovery=5))
    return Simulation.of(loaded, **settings)
