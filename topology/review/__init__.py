"""What is odd about a valid mesh: it runs, but probably not as its author meant.

Each check looks at the healthy mesh (`topology.estimates`) or at what its policies would do at worst, and yields (path
in the document, message). Nothing here depends on a seed or on a run. There is a file for each subject of review;
`checks.py` lists the checks, and `report.py` reports their findings at the lines of a file.
"""

from meshquake.topology.review.checks import review
from meshquake.topology.review.report import remarks, unexpected

__all__ = ["remarks", "review", "unexpected"]
