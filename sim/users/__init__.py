"""The users: how they come, what they ask for, and how they react.

open.py arrivals.py    users who come whatever happens: Poisson processes
visitors.py            users who wait, think, lose patience, retry, leave and come back
replayed.py            users who follow a file
levels.py              how many of them there are over time
crowds.py              all of them together, and surges and dips
"""
