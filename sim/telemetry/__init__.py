"""From what happened to what observability recorded.

spans.py    rows of calls -> the two spans of each, as columns of numbers; traces.py makes records of them
ids.py      addresses -> W3C ids
metrics/    the catalogue of metrics, a row each: what it is of (levels.py) and how it is measured (sources.py)
            what is behind some of them: messages (messages.py) on networks (traffic.py), disks.py, runtimes.py
sampler.py  readings on the way of whom there is (roster.py), and samples (series.py) of settled intervals (measured.py)
particulars.py  what requests are about, in columns: users, products, routes (operation_words.py), pods (pods.py)
logs.py     spans and the journal -> log lines
catalogue.py            their texts: those of catalogue.yaml, of catalogue/ by stack, and of installed packages
values.py wordings.py   what texts name, some of it drawn (drawing.py), and their filling in, column by column
events.py   the journal -> events
recorder.py puts them together, batch by batch
"""
