"""What a mesh does by itself, with or without faults: a file for each concern, together an `Environment`.

fluctuation.py    how a quantity goes up and down by itself, over minutes
errors.py         calls that fail for no reason in the recording
slow_mode.py      calls that stall now and then
load.py           what services do besides the recorded requests
jobs.py           what they do on a schedule
memory.py         processes that grow while they run, and are recycled
collections.py    garbage collections that stop processes
connections.py    connections that are closed when they are old
deploys.py        good versions that roll out now and then
by_service.py     settings of all services, of a kind of them, or of one
environment.py    all of it
"""

from meshquake.topology.environment.environment import CALM, Environment

__all__ = ["CALM", "Environment"]
