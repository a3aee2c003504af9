"""The marks of runs, their process included: many cases, several runs of each, and how certain the results are.

runs.py       the runs in a folder: for each, an answer and the audit of how it was found
marking.py    a case, and the marks of all its runs
figures.py    the figures of a run that have a mean, and what is shown beside them
summary.py    their means over cases, with intervals, and the differences between two agents
tables.py     all that as tables for people, and as JSON
chart.py      all that as a plot
"""
