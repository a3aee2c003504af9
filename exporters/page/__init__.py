"""The report page: a recording, and what was true of it, as one HTML file that needs nothing else.

    sources.py        what is read of a fixture: its records, its key, its inputs
    axis.py           the time axis that everything on the page shares
    users.py series.py calls.py mesh.py propagation.py traces.py flame.py logs.py happenings.py story.py remake.py
                      each a part of the page, as plain data: a function of the sources alone
    twin.py           the spans of some requests in the twin, which is played again
    content.py        all parts together
    charts.py         plots, as objects of the charting library, for the page and for notebooks
    notebook.py       a fixture's metrics as charts for notebooks
    assembly.py       data, templates, scripts and styles as one document
    document.py       the file
    templates/ scripts/ styles/

Data is rendered only in the browser, where each script draws a part and updates it for a moment with `show`. The page
of a running mesh (`exporters.live`) has the same parts, and gets its moments as they happen.
"""
