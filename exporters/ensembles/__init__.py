"""Ensembles on disk, and how they are shown.

    ensemble.json     the study, with its texts and versions: enough to make the rest again; written first
    replayed/         copies of the request files that its mesh names, if any
    runs.ndjson       the responses of each run, one line per run, in the order of the study
    complete.json     marks the ensemble as complete; written last
    report/           tables and plots, which `ensemble DIR --report` makes from the runs

`making` writes the first four, `reading` reads them back, and `completion` holds the runs to their marker.
"""
