"""From what happened to what observability recorded.

recorder.py puts the records together, batch by batch
spans/      rows of calls -> the two spans of each, as columns of numbers; what happens inside; trace records
logs/       spans and the journal -> log lines: the catalogue of their texts, and how these are filled in
events.py   the journal -> events
metrics/    the catalogue of metrics, a row each: what it is of, where it comes from, how it is watched
sampling/   whom there is to measure, readings on the way, and samples of intervals once they are settled
requests/   what requests are about, which spans, log lines and metrics tell alike
hosts/      what lies beneath processes: pods, networks, disks, the runtimes of languages
tables.py   what the mesh is, as columns (columns.py); ids.py has W3C ids, timestamps.py the moments of records
texts.py    columns of texts, made at once
named.py    what a `telemetry:` block may name
"""
