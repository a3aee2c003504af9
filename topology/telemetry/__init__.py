"""What a file changes of the telemetry of a mesh, as data; `sim.telemetry` makes records accordingly.

block.py        the `telemetry:` block of a topology or a scenario, and one laid over another
metrics.py      what it says of metrics, and what a recording has by it
logs.py         what it says of log lines
traces.py       what it says of traces
expression.py   how a metric is made of others
schema.py       what editors are told of it
vocabulary.py   what may be named: a list that is made of the tables in `sim.telemetry`
"""
