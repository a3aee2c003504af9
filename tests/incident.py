"""A short incident for tests of how records are handled."""

from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.simulation import Simulation


def short(**settings):
    """Return an unplayed cascade of ten seconds, with five before and after; `settings` go to `Simulation`."""
    loaded = load(shipped()["cascade"], Options(duration=10, lead_in=5, recovery=5))
    return Simulation.of(loaded, **settings)
