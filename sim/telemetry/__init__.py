"""From what happened to recorded telemetry.

recorder.py puts the records together, batch by batch
spans/      rows of calls -> the two spans of each, as columns of numbers; spans inside a process; trace records
logs/       spans and the journal -> log lines: the catalogue of their texts, and how these are filled in
events.py   the journal -> events
metrics/    the catalogue of metrics, a row each: what it measures, where it comes from, how it is watched
sampling/   what there is to measure, readings on the way, and samples of intervals once they are settled
requests/   what requests are about, which spans, log lines and metrics report alike
hosts/      what lies beneath processes: pods, networks, disks, language runtimes
tables.py   the mesh as columns (columns.py); ids.py has W3C ids, timestamps.py the times of records
texts.py    columns of texts, made at once
named.py    what a `telemetry:` block may name
"""
