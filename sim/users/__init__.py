"""The users: how they come, what they ask for, and how they take it.

open.py arrivals.py    those who come whatever becomes of others: Poisson processes
visitors.py            those who wait, think, lose patience, try again, leave and come back
replayed.py            those who do as a file says
levels.py              how many of them there are over time
crowds.py              all of them together, and surges and dips
"""
