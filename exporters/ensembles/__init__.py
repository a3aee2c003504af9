"""Ensembles on disk, and what is shown of them.

    ensemble.json     the study, with its texts and versions: enough to make the rest again; written first
    replayed/         copies of the files of requests that its mesh names, if it does
    runs.ndjson       what each run answered, a line a run, in the order of the study
    complete.json     that all of it is there; written last
    report/           tables and plots, which `ensemble DIR --report` makes of the runs

`making` writes the first four, `reading` reads them back.
"""
