"""The marks of runs, their way included: many cases, several runs of each, and how sure all that is.

runs.py       the runs in a folder: an answer each, and the audit of how it was found
marking.py    a case, and the marks of all runs of it
figures.py    the figures of a run that have a mean, and what stands beside them
summary.py    their means over cases, with intervals, and the differences between two agents
tables.py     all that for people, and as JSON
chart.py      and as a plot
"""
