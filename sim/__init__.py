"""What happens: scenarios played on a mesh, and the records they leave.

From the outside in:

    api.py simulation.py    the functions of the public face; one run, from a scenario to batches of records
    summary.py significance.py      a run in a few figures, and what is more in them than chance
    records.py telemetry/   the four kinds of record, and how what happened becomes what observability recorded
    mesh.py users/          a topology come to life: its users, and the surface on which faults act
    environment/            what a mesh does by itself, faults or none
    cluster.py lifecycle/   services and their processes: probes, restarts, rollouts
    journal.py              what happens besides calls
    policies/               what callers and servers do to protect themselves, and where it is put together
    engine/                 the life of a call: the hot path
    compiled.py             which modules may be compiled, and whether they are
"""

from meshquake.sim import compiled

compiled.check()
