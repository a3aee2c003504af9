"""Samples of the metrics, interval by interval.

sampler.py   readings during the run, and the records of settled intervals
roster.py    the services, edges, replicas and nodes to measure
measured.py  readings and spans of some intervals, which sources compute figures from
series.py    series, identified by name, and their samples
"""
