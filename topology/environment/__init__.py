"""What a mesh does by itself, faults or none: each concern a file, and all of them together an `Environment`.

fluctuation.py    how an amount goes up and down by itself, over minutes
errors.py         calls that fail for no reason that the recording has
slow_mode.py      calls that stall now and then
load.py           what else services do than the requests that are recorded
jobs.py           what they do on a schedule
memory.py         processes that grow while they run, and are recycled
collections.py    collections of garbage that stop processes
connections.py    connections that are closed when they are old
deploys.py        good versions that roll out now and then
by_service.py     what is said of all services, of a kind of them, or of one
environment.py    all of it
"""

from meshquake.topology.environment.environment import CALM, Environment

__all__ = ["CALM", "Environment"]
