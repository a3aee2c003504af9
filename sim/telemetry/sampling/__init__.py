"""Samples of the metrics, interval by interval.

sampler.py   readings on the way, and the records of intervals once they are settled
roster.py    the services, edges and replicas to measure
measured.py  what sources compute figures from: readings and the spans of some intervals
series.py    series, found by name, and their samples
"""
