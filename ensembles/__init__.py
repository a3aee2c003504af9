"""Ensembles: one scenario played over many seeds and parameters, and what can be said about all the runs.

From the question to the answer:

    study.py            what is asked: a scenario, parameters, responses, how many runs
    study_file.py asking.py draft.py    the same, as read from a file or from options, valid or not
    mistakes.py overlaps.py study_check.py blame.py    all that is wrong with it, before the first run
    axes.py                     parameters, and the cells of their grid or their Latin hypercube
    responses.py response_text.py    what is asked of a run, in a line of text
    phase.py place.py sql.py    when, where, and of which records
    schedule.py replication.py  which run is next; one run: its scenario loaded, played, and asked
    users.py gauges.py          what is measured while a run is played
    warm_up.py intervals.py stopping.py comparisons.py    the statistics, pure functions
    analysis.py                 the answer: cells with their intervals, and which of them differ
"""
