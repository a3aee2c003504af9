"""The page that people look at: a recording, and what was true of it, as one HTML file that needs nothing else.

    sources.py        what is read of a fixture: its records, its key, what it was made from
    axis.py           the time axis that everything on the page shares
    users.py series.py calls.py mesh.py propagation.py traces.py flame.py logs.py happenings.py story.py remake.py
                      each a part of the page, as plain data: a function of the sources alone
    content.py        the parts together
    charts.py         plots, as objects of the charting library, for the page and for notebooks
    assembly.py       data, templates, scripts and styles as one document
    document.py       the file
    templates/ scripts/ styles/

Data becomes what is seen in the browser alone, where each script draws a part, and applies a moment to it by `show`.
The page of a mesh that is played (`exporters.live`) has the same parts, and moments come as they happen.
"""
