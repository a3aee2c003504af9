"""Reads the `telemetry:` block of a topology or a scenario file.

block.py    the whole, and names that two things would have
metrics.py  what it says of metrics
logs.py     what it says of log lines
traces.py   what it says of traces
checks.py   problems with names and patterns
"""
