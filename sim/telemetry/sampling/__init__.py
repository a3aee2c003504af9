"""Samples of the metrics, interval by interval.

sampler.py   readings on the way, and the records of intervals once they are settled
roster.py    whom there is to measure
measured.py  what sources make figures of: readings and the spans of some intervals
series.py    series, found by name, and their samples
"""
