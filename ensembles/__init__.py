"""Ensembles: one scenario played over many seeds and parameters, and what may be said of the lot.

From the question to the answer:

    study.py study_file.py      what is asked: a scenario, parameters, responses, how often
    axes.py                     parameters, and the cells of their grid or their Latin hypercube
    responses.py                what is asked of a run, in a line of text
    replication.py              one run: its scenario loaded, played, and asked
    users.py gauges.py          what is followed of a run on the way
    warm_up.py intervals.py stopping.py comparisons.py    the statistics, pure
    analysis.py                 the answer: cells with their intervals, and which of them differ
"""
