"""Turn what happened in a mesh into records.

recorder.py puts the records together, batch by batch
spans/      rows of calls -> client and server spans as columns of numbers; internal spans; trace records
logs/       spans and the journal -> log lines: the catalogue of texts, and how they are filled in
events.py   the journal -> events
metrics/    the catalogue of metrics, one row each: its levels, its source, and how it is exported and alerted on
sampling/   what there is to measure, readings during the run, and samples of settled intervals
requests/   what requests are about (users, products, addresses): the same in spans, logs and metrics
hosts/      what lies beneath processes: pods, the network, disks
tables.py   the mesh as lookup tables; columns.py has tables of arrays, ids.py W3C ids, timestamps.py timestamps
texts.py    columns of texts, vectorized
named.py    what a `telemetry:` block may name
"""
