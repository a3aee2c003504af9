"""What is odd about a mesh that is valid: it runs, but probably not as its author meant.

Each check looks at the mesh while it's healthy (`topology.estimates`) or at what its policies would do at worst, and
finds (path in the document, message). Nothing here depends on a seed or on a run. There is a file for each thing that
is reviewed; `checks.py` has the list of them, and `report.py` tells what they find at the lines of a file.
"""

from meshquake.topology.review.checks import review
from meshquake.topology.review.report import remarks, unexpected

__all__ = ["remarks", "review", "unexpected"]
