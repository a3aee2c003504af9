"""What a file changes in the telemetry of a mesh, as data; `sim.telemetry` makes records accordingly.

block.py        the `telemetry:` block of a topology or a scenario, and one laid over another
metrics.py      what it says of metrics, and which metrics a recording then has
logs.py         what it says of log lines
traces.py       what it says of traces
expression.py   a metric computed from others
schema.py       its schema, for editors
vocabulary.py   what may be named: a list made from the tables in `sim.telemetry`
"""
