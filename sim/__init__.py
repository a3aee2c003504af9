"""What happens: scenarios played on a mesh, and the records they leave.

From the outside in:

    api.py simulation.py    the public functions; one run, from a scenario to batches of records
    summary.py significance.py      a run in a few figures, and which differences are more than chance
    records.py telemetry/   the four kinds of record, and how events in the mesh become recorded telemetry
    mesh.py users/          a running topology: its users, and the surface on which faults act
    environment/            what a mesh does by itself, with or without faults
    cluster.py lifecycle/   services and their processes: probes, restarts, rollouts
    journal.py              what happens besides calls
    policies/               how callers and servers protect themselves, and where policies are composed
    engine/                 the life of a call: the hot path
    compiled.py             which modules may be compiled, and whether they are
"""

from meshquake.sim import compiled

compiled.check()
