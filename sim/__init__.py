"""The simulation: plays scenarios on a mesh and turns what happens into records.

From the outside in:

    api.py simulation.py    the public functions; one run, from a scenario to batches of records
    summary.py hits.py      a run in a few figures; which services it hit (significance.py, tally.py)
    records.py telemetry/   the four kinds of record, and how they are made from what happened
    observability/          what of those records is recorded: sampling, lost exports, failed scrapes, clock skew
    mesh.py users/          the running mesh: its users, and the interface through which faults act
    environment/            what a mesh does by itself, with or without faults
    cluster.py lifecycle/   services and their processes: probes, restarts, rollouts
    journal.py              what happens besides calls
    policies/               how callers and servers protect themselves, and where policies are composed
    engine/                 the life of a call: the hot path
    compiled.py             which modules may be compiled, and whether they are
    forecast.py             how long a run will take
    collecting.py           Python's garbage collector during runs
"""

from meshquake.sim import compiled

compiled.check()
