"""From what happened to what observability recorded.

spans.py    rows of calls -> the two spans of each
ids.py      addresses -> W3C ids
metrics.py  gauges sampled on the way, and figures of the spans that ended in each interval
logs.py     spans and the journal -> log lines
catalogue.py            their texts: those of catalogue.yaml, and those that an installed package has
events.py   the journal -> events
recorder.py puts them together, batch by batch
"""
