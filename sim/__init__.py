"""What happens: scenarios played on a mesh, and the records they leave.

Use it like this::

    from meshquake.sim import outage, simulate
    metrics, logs, traces, events = outage(duration=60, seed=7)  # lists of plain dicts
    for batch in simulate("cascade", seed=1, duration=600):      # bounded memory: polars frames
        ...

The rooms of the package, from the outside in:

    api.py          these functions
    simulation.py   one run: a scenario on a topology becomes batches of records
    summary.py significance.py      a run in a few figures, and what is more in them than chance
    records.py      the four kinds of record
    telemetry/      what happened -> what observability recorded
    truth/          a run beside its twins -> what was really wrong
    mesh.py journal.py      the running mesh, the surface on which faults act, and what it notes besides calls
    workload.py     users
    call.py         the life of a call: the hot path
    site.py tape.py where in a call tree a call stands, and the draws that belong to it
    service.py replica.py rollout.py          services, their processes, probes and deploys
    channel.py breaker.py budget.py pool.py deadlines.py   what a caller knows of a callee
    modifier.py     a fault's effect while it acts
    environment.py  SimPy's clock, on which calls ride as bare callbacks
"""
