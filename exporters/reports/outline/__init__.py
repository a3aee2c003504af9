"""A mesh in words: its services, its users, what each entry calls, the policies of its edges, and its environment.

services.py users.py calls.py edges.py environment.py    a part each
whole.py                                                 all of it
"""

from meshquake.exporters.reports.outline.whole import blocks, counts

__all__ = ["blocks", "counts"]
